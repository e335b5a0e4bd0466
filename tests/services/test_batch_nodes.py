"""Batch nodes: long and foreign temporary folders, a home and an installation that cannot be written."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

import monsoon
from monsoon.jobs.cli import DONE, UNUSABLE
from tests.fuzz.readers.collisions import asciiv3

PACKAGE = Path(monsoon.__file__).parent
GUN = ["incidents", "gun", "pdg=22", "energy_mev=5000", "theta_rad=0.1", "events=2", "output=p.parquet"]
HEPMC = ["incidents", "hepmc", "input=in.hepmc", "threshold_mev=0", "output=p.parquet"]
PLAIN = ["generate", "run3", "incidents=p.parquet", "mu=null", "events=2", "workers=1", "output=out"]
CAMPAIGN = [*PLAIN, "model=library"]  # whose worker starts soonest
# root may write everywhere: without these rights it is a user like others
USER = ["setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner"] if os.geteuid() == 0 else []
pytestmark = pytest.mark.skipif(bool(USER) and not shutil.which("setpriv"), reason="no setpriv here")


def ran(
    folder: Path,
    words: list[str],
    source: Path = PACKAGE.parent,
    limits: Sequence[str] = (),
    **variables: str,
) -> subprocess.CompletedProcess[str]:
    """A command in a folder, with Monsoon from a source, as a user without root's rights, under limits."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("RAY_", "NUMBA_"))}
    environment |= {"PYTHONPATH": str(source), "RAY_worker_niceness": "0", **variables}
    return subprocess.run(
        [*limits, *USER, sys.executable, "-m", "monsoon", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two events of the gun."""
    folder = tmp_path_factory.mktemp("gun")
    done = ran(folder, GUN)
    assert done.returncode == DONE, done.stderr
    return folder / "p.parquet"


@pytest.fixture
def node(tmp_path: Path, events: Path) -> Path:
    """A folder with these events."""
    shutil.copy(events, tmp_path)
    return tmp_path


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Path]:
    """A folder that nobody may write in."""
    folder = tmp_path / "closed"
    folder.mkdir()
    folder.chmod(0o555)
    yield folder
    folder.chmod(0o755)


def assert_refused(done: subprocess.CompletedProcess[str], *said: str) -> None:
    assert done.returncode == UNUSABLE, done.stderr
    assert "Traceback" not in done.stderr
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("monsoon: "))
    for word in said:
        assert word in line


def test_a_long_temporary_folder_is_one_line_with_the_remedy_which_works_without_a_home(
    node: Path, closed: Path
) -> None:
    long = node / "scratch" / "slurm_jobdir" / "0000001" / "a_rather_long_folder_of_a_batch_job"
    long.mkdir(parents=True)
    before = set(os.listdir(node))
    assert_refused(ran(node, CAMPAIGN, TMPDIR=str(long)), "107 bytes", "RAY_TMPDIR")
    assert set(os.listdir(node)) == before
    short = Path(f"/tmp/m{os.getpid()}")
    try:
        done = ran(node, CAMPAIGN, TMPDIR=str(long), RAY_TMPDIR=str(short), HOME=str(closed))
        assert done.returncode == DONE, done.stderr
        assert f"events: {node / 'out'}" in done.stdout
        assert list(closed.iterdir()) == []
    finally:
        shutil.rmtree(short, ignore_errors=True)


@pytest.mark.skipif(not USER, reason="only root can give a folder to somebody else")
def test_a_ray_folder_of_somebody_else_is_left_alone_and_no_token_in_the_home(node: Path) -> None:
    """A later `ray start` would ask for a token, and refuse who submits a job without one."""
    home = node / "home"
    home.mkdir()
    with tempfile.TemporaryDirectory(prefix="m-", dir="/tmp") as shared:  # socket paths must be short
        (Path(shared) / "ray").mkdir(0o755)
        os.chown(Path(shared) / "ray", 65534, 65534)
        done = ran(node, CAMPAIGN, TMPDIR=shared, HOME=str(home))
        assert done.returncode == DONE, done.stderr
        assert not list((Path(shared) / "ray").iterdir())
    assert not (home / ".ray" / "auth_token").exists()


def test_a_temporary_folder_that_cannot_be_written_is_one_line_with_the_remedy(
    node: Path, closed: Path
) -> None:
    before = set(os.listdir(node))
    assert_refused(ran(node, CAMPAIGN, RAY_TMPDIR=str(closed)), str(closed), "set RAY_TMPDIR")
    assert_refused(ran(node, CAMPAIGN, RAY_TMPDIR=str(closed / "missing")), str(closed), "set RAY_TMPDIR")
    assert set(os.listdir(node)) == before


def test_a_campaign_runs_in_a_limited_address_space(node: Path) -> None:
    done = ran(node, PLAIN, limits=["prlimit", "--as=8000000000"])
    assert done.returncode == DONE, done.stderr


def test_a_ray_that_does_not_come_up_is_one_line_with_the_remedy(node: Path) -> None:
    """Its files may not be as long as they have to be."""
    before = set(os.listdir(node))
    done = ran(node, CAMPAIGN, limits=["prlimit", "--fsize=1000000"])
    assert_refused(done, "Ray cannot start", "run the same command again")
    assert set(os.listdir(node)) == before


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Path]:
    """A copy of the package without compiled files, that its user may read alone."""
    unwanted = shutil.ignore_patterns("__pycache__", ".*", "out", "build", "tests", "*.egg-info")
    copy = shutil.copytree(PACKAGE, tmp_path / "ro" / "monsoon", ignore=unwanted)
    folders = [copy, *(path for path in copy.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    yield copy.parent
    for folder in folders:
        folder.chmod(0o755)


@pytest.mark.parametrize(("words", "home"), [(GUN, "closed"), (HEPMC, "missing")], ids=["gun", "hepmc"])
def test_a_read_only_installation_works_and_compiles_once_for_its_user(
    installation: Path, closed: Path, tmp_path: Path, words: list[str], home: str
) -> None:
    work, temporary = tmp_path / "work", tmp_path / "tmp"
    work.mkdir()
    temporary.mkdir()
    (work / "in.hepmc").write_bytes(asciiv3())
    place = str(closed if home == "closed" else closed / "missing")
    done = ran(work, words, installation, HOME=place, TMPDIR=str(temporary))
    assert done.returncode == DONE, done.stderr
    (cache,) = temporary.glob("monsoon-numba-*")
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700
    compiled = set(cache.rglob("*.nbi"))
    assert compiled
    again = [*words[:-1], "output=again.parquet"]
    assert ran(work, again, installation, HOME=place, TMPDIR=str(temporary)).returncode == DONE
    assert set(cache.rglob("*.nbi")) == compiled


@pytest.mark.skipif(not USER, reason="only root can give a folder to somebody else")
def test_a_home_of_somebody_else_is_no_home(installation: Path, tmp_path: Path) -> None:
    """As where a container is run by a user that its image does not know."""
    home, work = tmp_path / "home", tmp_path / "work"
    (home / ".cache" / "numba").mkdir(parents=True)
    work.mkdir()
    os.chown(home, 65534, 65534)
    home.chmod(0o700)
    done = ran(work, GUN, installation, HOME=str(home))
    assert done.returncode == DONE, done.stderr


def test_without_a_place_for_compiled_code_there_is_one_line_with_the_remedy(
    installation: Path, closed: Path, tmp_path: Path
) -> None:
    given = ran(tmp_path, GUN, installation, HOME=str(closed), NUMBA_CACHE_DIR=str(closed))
    assert_refused(given, "set NUMBA_CACHE_DIR")
    full = ran(tmp_path, GUN, installation, ["prlimit", "--fsize=0"], HOME=str(closed))
    assert_refused(full, "set NUMBA_CACHE_DIR")
    assert not (tmp_path / "p.parquet").exists()


def test_compiled_code_of_somebody_else_is_not_run(installation: Path, closed: Path, tmp_path: Path) -> None:
    """A folder that others may write in, or a link, may have been laid there for us."""
    for number, lay in enumerate((lambda path: path.mkdir(), lambda path: path.symlink_to(tmp_path))):
        temporary = tmp_path / f"tmp{number}"
        temporary.mkdir()
        laid = temporary / f"monsoon-numba-{os.getuid()}"
        lay(laid)
        if not laid.is_symlink():
            laid.chmod(0o777)
        words = [sys.executable, "-c", "import monsoon, os; print(os.environ['NUMBA_CACHE_DIR'])"]
        environment = {**os.environ, "PYTHONPATH": str(installation), "HOME": str(closed)}
        environment |= {"TMPDIR": str(temporary)}
        done = subprocess.run([*USER, *words], env=environment, capture_output=True, text=True, check=True)
        chosen = Path(done.stdout.strip())
        assert chosen.parent == temporary
        assert chosen != laid
