"""`python -m tests.fuzz.run --minutes N --seed S [--reader NAME]`: mutated inputs for every reader.

Each reader gets the same share of the time. An input is read, or refused in one line; anything else is a
finding: its input is kept, and the exit code is 3.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import wait
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from tests.fuzz.attempt import FOUND, Outcome, attempt
from tests.fuzz.readers.every import READERS
from tests.fuzz.worker import TRACE, emptied, prepare, serve

LONGEST_CPU_S = 20.0  # of one input
LONGEST_S = 300.0  # of one input on a machine that others use too
KEPT = 3  # inputs of one kind of finding
SAID_EVERY_S = 30.0  # without a terminal
TICKS = os.sysconf("SC_CLK_TCK")


class Hand:
    """A worker and the case that it has."""

    def __init__(
        self, seed: int, names: list[str], good: Path, work: Path, serve: Callable[..., None] = serve
    ) -> None:
        self._serve, self._arguments = serve, (seed, names, good, work)
        self.work = work
        self.case: tuple[str, int] | None = None
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("forkserver")  # after a crash the next one starts at once
        context.set_forkserver_preload(["tests.fuzz.worker"])
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=self._serve, args=(theirs, *self._arguments), daemon=True)
        self.process.start()
        theirs.close()
        self.ready = False

    def give(self, name: str, case: int) -> None:
        """Let it read a case."""
        self.case = name, case
        self._began, self._cpu = time.monotonic(), self._cpu_s()
        self.connection.send(self.case)

    def answer(self) -> tuple[Outcome, float] | None:
        """What it says, or what its death says; None where it has only become ready."""
        try:
            said: tuple[Outcome, float] | None = self.connection.recv()
        except (EOFError, ConnectionResetError):
            self.process.join()
            if self.case is None:
                said = (self.work / TRACE).read_text()
                raise RuntimeError(
                    f"a worker died before its first case, of {self.process.exitcode}: {said}"
                ) from None
            return self._died(f"crash with {self.process.exitcode}")
        if said is None:
            self.ready = True
        return said

    def overdue(self) -> tuple[Outcome, float] | None:
        """End it where its case takes too long."""
        if self.case is None or not self.process.is_alive():
            return None
        if self._cpu_s() - self._cpu < LONGEST_CPU_S and time.monotonic() - self._began < LONGEST_S:
            return None
        self.process.kill()
        self.process.join()
        return self._died("hang")

    def _died(self, how: str) -> tuple[Outcome, float]:
        assert self.case is not None
        took, trace = time.monotonic() - self._began, (self.work / TRACE).read_text()
        self.connection.close()
        self._start()
        return Outcome(FOUND, f"{how} in {self.case[0]}", trace), took

    def _cpu_s(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def end(self) -> None:
        """Stop it."""
        self.process.kill()
        self.process.join()


class Record:
    """What has been found so far."""

    def __init__(self, keep: Path, seed: int) -> None:
        self._keep, self._seed = keep, seed
        self.came: dict[str, Counter[str]] = {}
        self.seconds: Counter[str] = Counter()
        self.kinds: Counter[tuple[str, str]] = Counter()

    def add(self, hand: Hand, outcome: Outcome, seconds: float) -> None:
        """Count a case; keep the input of a finding."""
        assert hand.case is not None
        name, case = hand.case
        self.came.setdefault(name, Counter())[outcome.came] += 1
        self.seconds[name] += seconds
        if outcome.came == FOUND:
            self.kinds[name, outcome.kind] += 1
            if self.kinds[name, outcome.kind] <= KEPT:
                self._keep_input(hand.work, name, case, outcome)

    def _keep_input(self, work: Path, name: str, case: int, outcome: Outcome) -> None:
        folder = self._keep / name
        folder.mkdir(parents=True, exist_ok=True)
        stem = f"{self._seed}-{case}"
        suffix = READERS[name].suffix
        shutil.copyfile(work / f"input{suffix}", folder / f"{stem}{suffix}")
        (folder / f"{stem}.said").write_text(f"{outcome.kind}\n\n{outcome.detail}\n")

    @property
    def cases(self) -> int:
        """That have been tried."""
        return sum(counts.total() for counts in self.came.values())

    def table(self) -> Table:
        """A row for each reader, and a row for each kind of finding."""
        table = Table("reader", "inputs", "read", "refused", "findings", "inputs/s")
        for name, counts in self.came.items():
            rate = counts.total() / max(self.seconds[name], 1e-9)
            row = (counts.total(), counts["read"], counts["refused"], counts[FOUND])
            table.add_row(name, *map(str, row), f"{rate:.1f}")
        for (name, kind), count in self.kinds.most_common():
            table.add_row(name, "", "", "", f"{count} x", kind)
        return table


def fuzz(arguments: Namespace, console: Console) -> Record:
    """Read mutated inputs for so many minutes."""
    names = arguments.reader or list(READERS)
    record = Record(arguments.keep, arguments.seed)
    cases: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="fuzz-", ignore_cleanup_errors=True) as folder:
        good = Path(folder) / "good"
        good.mkdir()
        with _hands(arguments.processes, arguments.seed, names, good, Path(folder)) as hands:
            until(hands[0])  # makes the good inputs for all
            for _ in _clock(record, 60 * arguments.minutes, console):
                for hand in hands:
                    if hand.ready and hand.case is None:
                        name = min(names, key=lambda name: record.seconds[name] + 1e-3 * cases[name])
                        hand.give(name, arguments.first + cases[name])
                        cases[name] += 1
                waiting = {hand.connection: hand for hand in hands}
                said = [(hand, hand.answer()) for hand in (waiting[c] for c in wait(list(waiting), 1.0))]
                said += [(hand, hand.overdue()) for hand in hands]
                for hand, answer in said:
                    if answer is not None and hand.case is not None:
                        record.add(hand, *answer)
                        hand.case = None
                if arguments.cases and record.cases >= arguments.cases:
                    break
    return record


def until(hand: Hand) -> None:
    """Wait until a worker is ready."""
    while not hand.ready:
        hand.answer()


@contextmanager
def _hands(number: int, seed: int, names: list[str], good: Path, folder: Path) -> Iterator[list[Hand]]:
    hands = [Hand(seed, names, good, folder / f"work-{i}") for i in range(number)]
    try:
        yield hands
    finally:
        for hand in hands:
            hand.end()


def _clock(record: Record, seconds: float, console: Console) -> Iterator[None]:
    """Goes on until so many seconds are over; shows how far the fuzzing is."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[said]}"))
    start = said_last = time.monotonic()
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task("fuzzing", total=seconds, said="")
        while (elapsed := time.monotonic() - start) < seconds:
            rate, found = record.cases / max(elapsed, 1.0), record.kinds.total()
            said = f"{record.cases} inputs, {rate:.1f}/s, {found} findings of {len(record.kinds)} kinds"
            progress.update(task, completed=elapsed, said=said)
            if not console.is_terminal and time.monotonic() - said_last > SAID_EVERY_S:
                said_last = time.monotonic()
                print(f"{elapsed / 60:.1f} of {seconds / 60:g} minutes: {said}", flush=True)
            yield


def replay(names: list[str], paths: list[Path], console: Console) -> bool:
    """Read kept inputs in this process; whether there is a finding."""
    found = False
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        for name in names:
            good = Path(folder) / name
            prepare(READERS[name], good, Path(folder) / "scratch")
            for path in paths:
                copy = Path(folder) / f"input{READERS[name].suffix}"
                shutil.copyfile(path, copy)
                outcome = attempt(READERS[name], copy, good, emptied(Path(folder) / "scratch"))
                console.print(f"{path}: {outcome.came} {outcome.kind}\n{outcome.detail}", markup=False)
                found = found or outcome.came == FOUND
    return found


def main(arguments: Namespace) -> int:
    """Exit code 3 where there are findings."""
    console = Console(stderr=True, soft_wrap=True)
    if arguments.replay:
        return 3 if replay(arguments.reader, arguments.replay, console) else 0
    record = fuzz(arguments, console)
    Console(soft_wrap=True, width=160).print(record.table())
    found = f"{record.kinds.total()} findings of {len(record.kinds)} kinds"
    print(f"seed {arguments.seed}: {record.cases} inputs, {found}")
    if record.kinds:
        print(f"their inputs: {arguments.keep}/READER/{arguments.seed}-CASE.*")
    return 3 if record.kinds else 0


def parser() -> ArgumentParser:
    """What the command takes."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--reader", action="append", choices=list(READERS), help="these readers alone")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of each reader's first case")
    parser.add_argument("--cases", type=int, help="end after so many")
    parser.add_argument("--keep", type=Path, default=Path("out/fuzz"), help="folder for inputs of findings")
    parser.add_argument("--replay", type=Path, nargs="*", help="kept inputs of one --reader, read once more")
    return parser


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main(parser().parse_args()))
