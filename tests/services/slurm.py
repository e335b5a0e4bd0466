"""A Slurm of Debian's daemons on machines of the test: a controller and two nodes."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.services.namespaces import Machine, machines

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch")
CONFIGURATION = """
ClusterName=monsoon
SlurmctldHost=control({control})
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=15
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=2,bf_interval=2
KillWait=120
SlurmdParameters=config_overrides
NodeName={one} NodeAddr={one_address} CPUs=1
NodeName={two} NodeAddr={two_address} CPUs=1
PartitionName=all Nodes={one},{two} Default=YES MaxTime=INFINITE State=UP
"""


class Slurm(NamedTuple):
    """A running Slurm.

    Attributes
    ----------
    control : Machine
        Where its commands are said.
    nodes : tuple of Machine
        Where jobs run.
    environment : dict
        For its commands.
    folder : Path
        Its configuration and logs.
    """

    control: Machine
    nodes: tuple[Machine, ...]
    environment: dict[str, str]
    folder: Path

    def say(self, *words: str) -> str:
        """A command of Slurm, which must not fail, and what it says."""
        done = subprocess.run(
            self.control.command(*words), env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def job(self, number: str) -> dict[str, str]:
        """What `scontrol` says of a job."""
        words = self.say("scontrol", "show", "job", number).split()
        return dict(word.split("=", 1) for word in words if "=" in word)


@contextmanager
def slurm(folder: Path) -> Iterator[Slurm]:
    """Start it, and stop it at the end. Skips where it is not installed.

    Parameters
    ----------
    folder : Path
        For its files; the path must be short, for sockets.
    """
    for program in PROGRAMS:
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed; apt-get install slurmctld slurmd slurm-client munge")
    with ExitStack() as stack:
        control, one, two = stack.enter_context(machines(folder, ["control", "one", "two"]))
        names = {"one": one.name, "two": two.name, "one_address": one.address, "two_address": two.address}
        (folder / "slurm.conf").write_text(
            CONFIGURATION.format(folder=folder, control=control.address, **names)
        )
        (folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n")
        (folder / "munge.key").write_bytes(secrets.token_bytes(128))
        (folder / "munge.key").chmod(0o400)
        (folder / "state").mkdir()
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "SLURM_CONF": str(folder / "slurm.conf")}
        files = [f"--{name}={folder}/munge.{end}" for name, end in MUNGE.items()]
        for machine, *command in (
            (control, "munged", "--foreground", "--force", *files),
            (control, "slurmctld", "-D"),
            (one, "slurmd", "-D"),
            (two, "slurmd", "-D"),
        ):
            log = stack.enter_context((folder / f"{command[0]}-{machine.name}.out").open("w"))
            daemon = subprocess.Popen(
                machine.command(*command), env=environment, stdout=log, stderr=subprocess.STDOUT
            )
            stack.callback(daemon.wait)
            stack.callback(daemon.terminate)
        found = Slurm(control, (one, two), environment, folder)
        end = time.monotonic() + 60
        while _idle(found) != 2:
            assert time.monotonic() < end, _logs(folder)
            time.sleep(0.5)
        yield found


MUNGE = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}


def _idle(found: Slurm) -> int:
    """How many nodes wait for jobs."""
    words = found.control.command("sinfo", "--noheader", "--Node", "--format=%T")
    done = subprocess.run(words, env=found.environment, capture_output=True, text=True, check=False)
    return done.stdout.split().count("idle")


def _logs(folder: Path) -> str:
    """The last lines of all daemons."""
    files = sorted([*folder.glob("*.log"), *folder.glob("*.out")])
    return "\n".join(f"{file.name}: {line}" for file in files for line in file.read_text().splitlines()[-8:])
