"""What many tests share: one detector, one suite, made-up incidents, one Ray."""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

# threads that wait for each other on shared cores take minutes; for the commands that tests run, too
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings

# Triton's kernels run in its interpreter where there is no GPU
os.environ.setdefault("TRITON_INTERPRET", "0" if torch.cuda.is_available() else "1")

# at the 15 that Ray gives its workers they starve beside any other job
os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112
os.environ["RAY_AUTH_MODE"] = "disabled"  # no token file is left in the home of who runs the tests

from monsoon.engine.detector.detector import Detector
from monsoon.engine.detector.placing import Placing
from monsoon.engine.incidents.pools import PoolSettings
from monsoon.engine.incidents.transport import Transport
from monsoon.engine.records import Incidents, Loss, offsets_of
from monsoon.jobs.progress.collisions import make_pool
from monsoon.models.store.suite import Suite, load_suite
from tests.chaos.harness.nodes import patient

# how long examples take to draw says how busy the machine is
settings.register_profile("busy machine", suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy machine")

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore Ctrl-C
torch.set_num_threads(1)
SERVICES = Path(__file__).parent / "services"
SPECIES = (22, 22, 22, 11, -11, 211, -211, 321, 130, 2212, -2212, 2112, 13, 3122, 12345)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What lies in the folder of services is marked so."""
    for item in items:
        if SERVICES in item.path.parents:
            item.add_marker(pytest.mark.services)


@pytest.fixture(scope="session")
def detector() -> Detector:
    return Detector.load("lhcb-ecal")


@pytest.fixture(scope="session")
def suite() -> Suite:
    return load_suite("library")


@pytest.fixture(scope="session")
def placing(suite: Suite, detector: Detector) -> Placing:
    return Placing(suite.grid, detector)


@pytest.fixture(scope="session")
def make_incidents(detector: Detector) -> Callable[..., Incidents]:
    """Incidents spread over the whole face, of every species there is and one there is not."""

    def make(particles: list[int], seed: int = 1, first_event: int = 0) -> Incidents:
        rng = np.random.default_rng(seed)
        events, rows = len(particles), sum(particles)
        half = np.array([detector.columns, detector.rows]) * detector.description.pixel_mm / 2
        xy = rng.uniform(-1, 1, (rows, 2)) * half * 0.999
        position = np.concatenate([xy, np.full((rows, 1), detector.description.face_z_mm)], 1)
        lost = np.zeros((events, len(Loss)), np.int64)
        lost[:, Loss.BELOW_THRESHOLD] = 3
        return Incidents(
            event=np.arange(first_event, first_event + events),
            offsets=offsets_of(particles),
            weight=np.ones(events),
            source_event=np.arange(events),
            collisions=np.full(events, 5, np.int32),
            lost=lost,
            pdg=rng.choice(SPECIES, rows).astype(np.int32),
            energy_mev=np.exp(rng.uniform(np.log(800), np.log(150_000), rows)).astype(np.float32),
            position_mm=position.astype(np.float32),
            direction=(position / np.linalg.norm(position, axis=1, keepdims=True)).astype(np.float32),
            time_ns=rng.uniform(41, 45, rows).astype(np.float32),
            collision=rng.integers(0, 5, rows).astype(np.int32),
        )

    return make


@contextmanager
def ray_for_tests() -> Iterator[None]:
    """A Ray with more CPUs than the machine may have: three workers must fit."""
    import ray
    from ray._private import services

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(services, "get_node", patient(services.get_node))
        ray.init(address="local", num_cpus=4, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """One Ray for the tests of a file.

    Not for all files: its processes take some of a core for as long as they are there, whoever needs them.
    """
    with ray_for_tests():
        yield


@pytest.fixture(scope="session")
def layered() -> Detector:
    """The shipped detector that has layers."""
    return Detector.load("forward-siw")


def collisions(tmp_path_factory: pytest.TempPathFactory, detector: Detector, count: int) -> Path:
    """A pool of Pythia 8 on a detector's face: one for all processes of a run."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    path = folder / f"{detector.description.name}.parquet"
    with open(f"{path}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            make_pool(path, PoolSettings((), 1, Transport(), detector), count)
    return path


@pytest.fixture(scope="session")
def layered_pool(tmp_path_factory: pytest.TempPathFactory, layered: Detector) -> Path:
    """100 collisions on its face."""
    return collisions(tmp_path_factory, layered, 100)


@pytest.fixture(scope="session")
def pool(tmp_path_factory: pytest.TempPathFactory, detector: Detector) -> Path:
    """300 collisions on the face."""
    return collisions(tmp_path_factory, detector, 300)
