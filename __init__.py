"""Monsoon: distributed production of simulated LHC calorimeter events with generative models.

What job scripts use is here by name and is loaded when it is first asked for: `import monsoon` alone is quick
and needs neither ray nor torch. Everything a person runs is also `monsoon VERB` and `python -m monsoon VERB`.

Examples
--------
>>> import monsoon
>>> campaign = monsoon.Campaign(incidents="pool.parquet", mu=5.2, events=1000, output="out/run3")
>>> campaign.mu
5.2
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from monsoon.models.compiled import keep_compiled

if TYPE_CHECKING:
    from monsoon.engine.config import Campaign as Campaign
    from monsoon.engine.config import load_campaign as load_campaign
    from monsoon.engine.errors import InputError as InputError
    from monsoon.jobs.doctor import doctor as doctor
    from monsoon.jobs.generate import generate as generate
    from monsoon.jobs.merge import merge as merge
    from monsoon.jobs.plan import plan as plan
    from monsoon.jobs.replicas import train as train
    from monsoon.jobs.report.page import write_report as write_report
    from monsoon.jobs.request import request as request
    from monsoon.jobs.requests.config import Request as Request
    from monsoon.jobs.requests.config import load_request as load_request
    from monsoon.jobs.sample import sample as sample
    from monsoon.jobs.submission.server import Job as Job
    from monsoon.jobs.submission.server import JobServer as JobServer
    from monsoon.jobs.sweep import sweep as sweep
    from monsoon.jobs.sweeps.config import Sweep as Sweep
    from monsoon.jobs.sweeps.config import load_sweep as load_sweep
    from monsoon.jobs.training_config import TrainConfig as TrainConfig
    from monsoon.jobs.training_config import load_training as load_training
    from monsoon.jobs.validate import validate as validate
    from monsoon.jobs.verify import verify as verify

_HOME = {
    "Campaign": "engine.config",
    "InputError": "engine.errors",
    "Job": "jobs.submission.server",
    "JobServer": "jobs.submission.server",
    "Request": "jobs.requests.config",
    "Sweep": "jobs.sweeps.config",
    "TrainConfig": "jobs.training_config",
    "doctor": "jobs.doctor",
    "generate": "jobs.generate",
    "load_campaign": "engine.config",
    "load_request": "jobs.requests.config",
    "load_sweep": "jobs.sweeps.config",
    "load_training": "jobs.training_config",
    "merge": "jobs.merge",
    "plan": "jobs.plan",
    "request": "jobs.request",
    "sample": "jobs.sample",
    "sweep": "jobs.sweep",
    "train": "jobs.replicas",
    "validate": "jobs.validate",
    "verify": "jobs.verify",
    "write_report": "jobs.report.page",
}
__all__ = sorted(_HOME)


keep_compiled()  # before anything imports numba


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'monsoon' has no attribute {name!r}")
    return getattr(import_module(f"monsoon.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
