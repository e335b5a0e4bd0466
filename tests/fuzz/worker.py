"""A process that reads fuzzed inputs under limits, so that it alone dies of them."""

from __future__ import annotations

import faulthandler
import os
import resource
import shutil
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from time import monotonic

import numba
import torch

from tests.fuzz.attempt import FOUND, Outcome, attempt, mutated
from tests.fuzz.reader import Reader
from tests.fuzz.readers.every import READERS

ROOM_BYTES = 3 << 30  # of address space, beyond what the libraries have taken
MOST_BYTES = 1 << 30  # of memory that an input may make a reader use
FILE_BYTES = 1 << 28
TRACE = "trace.txt"


def serve(connection: Connection, seed: int, names: list[str], good: Path, work: Path) -> None:
    """Take (reader, case) pairs and answer each with its Outcome, until the other end closes.

    Says None once when it is ready: good inputs have been made and read, where they were not there.
    """
    torch.set_num_threads(1)
    numba.set_num_threads(1)
    work.mkdir(parents=True, exist_ok=True)
    silence(work)
    trace = (work / TRACE).open("w")
    faulthandler.enable(trace)
    try:
        for name in names:
            prepare(READERS[name], good / name, work / "scratch")
    except Exception:
        traceback.print_exc(file=trace)
        trace.flush()
        raise
    limit()
    connection.send(None)
    while True:
        try:
            name, case = connection.recv()
        except EOFError:
            return
        trace.truncate(0)
        connection.send(_case(READERS[name], name, good / name, work, seed, case))


def _case(reader: Reader, name: str, folder: Path, work: Path, seed: int, case: int) -> tuple[Outcome, float]:
    start = monotonic()
    scratch = emptied(work / "scratch")
    path = work / f"input{reader.suffix}"
    path.unlink(missing_ok=True)
    try:
        path.write_bytes(mutated(reader, name, folder, seed, case))
    except Exception:  # of the fuzzer itself
        path.touch()
        return Outcome(FOUND, f"mutator of {name}", traceback.format_exc()), monotonic() - start
    before = _peak_bytes()
    outcome = attempt(reader, path, folder, scratch)
    used = _peak_bytes(reset=False) - before
    if outcome.came != FOUND and used > MOST_BYTES:
        outcome = Outcome(FOUND, f"memory of {name}", f"{used} bytes more than before")
    return outcome, monotonic() - start


def prepare(reader: Reader, folder: Path, scratch: Path) -> None:
    """Make the good inputs of a reader, once for all processes, and read each."""
    if folder.exists():
        return
    partial = folder.with_name(f"{folder.name}.{os.getpid()}")
    partial.mkdir(parents=True)
    reader.prepare(partial)
    try:
        partial.rename(folder)
    except OSError:  # another worker has prepared the same meanwhile
        if not folder.is_dir():
            raise
        shutil.rmtree(partial)
    for path in reader.good(folder):
        copy = emptied(scratch).with_name(f"good{reader.suffix}")
        shutil.copyfile(path, copy)
        reader.read(copy, folder, scratch)


def emptied(scratch: Path) -> Path:
    """The folder, empty."""
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    return scratch


def limit() -> None:
    """Give this process so much more address space than it has now, small files, and no core dumps."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, 2 * (pages * resource.getpagesize() + ROOM_BYTES,))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def silence(work: Path) -> None:
    """Send what libraries print, also from C++, nowhere; work in a folder where a stray file does no harm."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    os.chdir(work)


def _peak_bytes(reset: bool = True) -> int:
    """The most memory that this process has had in use since the last reset."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    line = next(
        line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")
    )
    return 1024 * int(line.split()[1])
