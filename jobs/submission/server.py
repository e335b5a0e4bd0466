"""The job server of a Ray cluster: send a verb to it, list its jobs, follow one, stop one."""

from __future__ import annotations

import asyncio
import getpass
import logging
import os
import re
import secrets
import shlex
import shutil
import socket
import tempfile
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from monsoon.engine.errors import InputError
from monsoon.engine.remote.private import tighten_token_file
from monsoon.jobs.submission.environment import STOP_S, beside, environment
from monsoon.jobs.submission.verbs import expect_long
from monsoon.jobs.submission.wheel import unpacked

T = TypeVar("T")

READY_S = 60.0  # a cluster that has just started answers before it can run jobs
LOOK_S = 0.5  # between looks at a job
LOST = 5  # how often in a row a broken stream is begun anew
TALKATIVE = ("dashboard.modules.job.sdk", "dashboard.modules.dashboard_sdk", "_private.runtime_env.packaging")
ENDED = {"SUCCEEDED": 0, "STOPPED": 130}  # and FAILED, with the verb's own exit code
TOKEN = "set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN_PATH to the file with the cluster's token"


class JobServer:
    """The job server of a Ray cluster.

    Parameters
    ----------
    address : str
        Of the head's dashboard: `http://HEAD:8265`, or `HEAD:8265`.
    wheel : str, optional
        A wheel of Monsoon for its jobs; absent: one of this Monsoon.
    install : str, optional
        A file of requirements that every node installs first, such as requirements-image.lock; absent: what
        the nodes have, which must be of the versions here.

    Raises
    ------
    InputError
        Where nothing answers, or the token is not the cluster's.
    """

    def __init__(self, address: str, wheel: str | None = None, install: str | None = None) -> None:
        self.address = address if "://" in address else f"http://{address}"
        if not re.fullmatch(r"https?://[^/@\s]+/?", self.address):
            raise InputError(f"cluster {address}: not the address of a job server; give http://HEAD:8265")
        tighten_token_file()
        try:
            from ray.job_submission import JobSubmissionClient
        except ImportError as error:
            raise InputError(f"{error}; pip install 'monsoon-hep[cluster]'") from error
        for name in TALKATIVE:
            logging.getLogger(f"ray.{name}").setLevel(logging.ERROR)
        with _address_of_its_own():
            self.client: Any = self.ask(lambda: JobSubmissionClient(self.address))
        self._wheel, self._install = wheel, install

    @cached_property
    def _environment(self) -> dict[str, Any]:
        """The same for all jobs, so that the code is packed once, and sent once."""
        folder = tempfile.mkdtemp(prefix="monsoon-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return environment(unpacked(Path(folder), self._wheel), self._install)

    def submit(self, *words: str, cpus: float | None = None, gpus: float = 0) -> Job:
        """Send a verb to the cluster, with its code.

        Parameters
        ----------
        *words : str
            The words after `monsoon`: `"generate", "run3", "events=1000", "output=/shared/run3"`. A YAML
            file that is the first after the verb is sent along; all other paths are those of the cluster.
        cpus, gpus : float, optional
            What the verb's own process takes of the cluster, beside its workers.

        Returns
        -------
        Job

        Raises
        ------
        InputError
            For words that the verb refuses, code that cannot be sent, and a cluster that takes no job.
        """
        verb = expect_long(words)
        job = f"{words[0]}-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"
        with tempfile.TemporaryDirectory(prefix="monsoon-") as folder:
            runtime = dict(self._environment)
            if verb.has_config:
                words = beside(words, Path(folder) / "given")
                runtime["working_dir"] = f"{folder}/given"
            request = {
                "entrypoint": shlex.join(["python", "-P", "-m", "monsoon.jobs.submission.entry", *words]),
                "submission_id": job,
                "runtime_env": runtime,
                "metadata": {"monsoon": shlex.join(words), "by": _who()},
                "entrypoint_num_cpus": verb.cpus if cpus is None else cpus,
                "entrypoint_num_gpus": gpus,
            }
            end = time.monotonic() + READY_S
            while True:
                try:
                    self.ask(lambda: self.client.submit_job(**request))
                    return Job(self, job)
                except InputError as error:
                    if "No available agent" not in str(error) or time.monotonic() > end:
                        raise
                    time.sleep(LOOK_S)

    def jobs(self) -> list[dict[str, Any]]:
        """The jobs of the cluster, oldest first, one mapping each (see `Job.facts`)."""
        found = [_facts(job) for job in self.ask(self.client.list_jobs) if job.submission_id]
        return sorted(found, key=lambda facts: facts["started"] or 0.0)

    def job(self, name: str) -> Job:
        """The job of this name. Raises InputError where there is none."""
        job = Job(self, name)
        job.facts()
        return job

    def ask(self, call: Callable[[], T]) -> T:
        """Call Ray's client. Raises InputError with one line in place of its exceptions."""
        import aiohttp
        import requests
        from ray.exceptions import AuthenticationError

        try:
            return call()
        except AuthenticationError as error:
            raise InputError(
                f"cluster {self.address}: {_line(error).split('{')[0].rstrip(': ')}; {TOKEN}"
            ) from error
        except (OSError, requests.RequestException, aiohttp.ClientError) as error:
            raise InputError(
                f"cluster {self.address}: does not answer ({_line(error)}); give the address of the "
                "head's dashboard, http://HEAD:8265"
            ) from error
        except (RuntimeError, ValueError) as error:
            raise InputError(f"cluster {self.address}: {_line(error)}; see `monsoon jobs`") from error


class Job:
    """A verb that runs, or ran, on a cluster.

    Attributes
    ----------
    server : JobServer
        Of the cluster.
    name : str
        Its name there.
    """

    def __init__(self, server: JobServer, name: str) -> None:
        self.server, self.name = server, name

    def facts(self) -> dict[str, Any]:
        """What the cluster says of it.

        Returns
        -------
        dict
            `job`, `state` (PENDING, RUNNING, SUCCEEDED, STOPPED, FAILED), `started` and `ended` (seconds
            since 1970, or None), `code` (exit code, or None), `by` (who submitted it), `command`, `message`.
        """
        return _facts(self.server.ask(lambda: self.server.client.get_job_info(self.name)))

    def said(self) -> Iterator[str]:
        """What it prints, from its first line on, as it prints it; ends with the job."""
        seen = lost = 0
        while True:
            state, at = self.facts()["state"], 0
            if state == "PENDING":
                time.sleep(LOOK_S)
                continue
            try:
                for text in self._stream():
                    if at + len(text) > seen:  # begun anew, the stream repeats what was there
                        yield text[max(seen - at, 0) :]
                    at += len(text)
                    seen, lost = max(seen, at), 0
            except InputError:
                lost += 1
                if lost > LOST:
                    raise
            else:
                if state != "RUNNING":
                    return
            time.sleep(LOOK_S)

    def code(self) -> int:
        """Wait until it has ended.

        Returns
        -------
        int
            The verb's exit code; 130 where it was stopped.

        Raises
        ------
        InputError
            Where the cluster could not run it, or lost it.
        """
        while (facts := self.facts())["state"] not in {*ENDED, "FAILED"}:
            time.sleep(LOOK_S)
        if facts["state"] in ENDED:
            return ENDED[facts["state"]]
        if facts["code"] is None or facts["code"] < 0:
            raise InputError(f"job {self.name}: {facts['message']}; submit it again to go on")
        return int(facts["code"])

    def stop(self) -> bool:
        """End it as Ctrl-C would, and wait until it has ended. Returns False where it had ended before."""
        if not self.server.ask(lambda: self.server.client.stop_job(self.name)):
            return False
        end = time.monotonic() + 2 * STOP_S
        while self.facts()["state"] not in {*ENDED, "FAILED"}:
            if time.monotonic() > end:
                raise InputError(f"job {self.name}: does not end; see `ray job stop`, and the head's logs")
            time.sleep(LOOK_S)
        return True

    def _stream(self) -> Iterator[str]:
        """One connection to the log, as text."""
        loop = asyncio.new_event_loop()
        texts = self.server.client.tail_job_logs(self.name)
        try:
            while True:
                try:
                    yield self.server.ask(lambda: loop.run_until_complete(anext(texts)))
                except StopAsyncIteration:
                    return
        finally:
            if waits := asyncio.all_tasks(loop):  # it was interrupted while it waited
                for task in waits:
                    task.cancel()
                loop.run_until_complete(asyncio.gather(*waits, return_exceptions=True))
            loop.run_until_complete(texts.aclose())
            loop.close()


def _facts(info: Any) -> dict[str, Any]:
    metadata = info.metadata or {}
    return {
        "job": info.submission_id,
        "state": str(info.status.value),
        "started": info.start_time / 1000 if info.start_time else None,
        "ended": info.end_time / 1000 if info.end_time else None,
        "code": info.driver_exit_code,
        "by": metadata.get("by", ""),
        "command": metadata.get("monsoon", info.entrypoint),
        "message": _why(info.message or ""),
    }


def _who() -> str:
    return f"{getpass.getuser()}@{socket.gethostname()}"


def _why(message: str) -> str:
    """How a job ended: its first line, and where pip failed the last that it said; pages are between."""
    errors = [line.strip() for line in message.splitlines() if line.strip().startswith("ERROR:")]
    return "; ".join([_line(message), *(_line(error) for error in errors[-1:])]) if message else ""


def _line(error: object) -> str:
    """The first line of what Ray says, which may be pages."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return lines[0][:300].rstrip(".:;")


@contextmanager
def _address_of_its_own() -> Iterator[None]:
    """Ray's client prefers these variables to the address that it is given."""
    kept = {
        name: os.environ.pop(name) for name in ("RAY_ADDRESS", "RAY_API_SERVER_ADDRESS") if name in os.environ
    }
    try:
        yield
    finally:
        os.environ.update(kept)
