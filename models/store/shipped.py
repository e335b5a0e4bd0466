"""The names of generators: what ships, and where what a name stands for is stored."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from monsoon.models.errors import InputError
from monsoon.models.store.checkpoint import CHECKPOINTS

SAMPLES = Path(__file__).parents[1] / "samples"
LIBRARY = (SAMPLES / "egamma.h5", SAMPLES / "hadrons.h5")
FLOWS = (CHECKPOINTS / "flow-egamma", CHECKPOINTS / "flow-hadrons")
TRANSPORTED = (CHECKPOINTS / "transported-egamma", CHECKPOINTS / "transported-hadrons")
SHOWER_FILES = (".h5", ".hdf5")  # how a library's name ends
LONGEST_NAME = 100  # characters of an unknown name that are compared with the shipped ones
SIW = (SAMPLES / "siw-electrons.h5",)
DS2LIKE = (CHECKPOINTS / "transported-ds2like",)
RICH = (CHECKPOINTS / "flow-rich",)
SHIPPED = {
    "library": LIBRARY,
    "best": FLOWS,
    "transported": TRANSPORTED,
    "siw": SIW,
    "best-ds2like": DS2LIKE,
    "best-rich": RICH,  # of rows of a table
}


def shipped_names() -> list[str]:
    """Names of the generators that come with Monsoon, alphabetical."""
    return sorted({*SHIPPED, *(path.name for path in CHECKPOINTS.iterdir() if path.is_dir())})


def is_shipped(name: str) -> bool:
    """Whether this names a generator that comes with Monsoon, and no path."""
    return name in shipped_names()


def no_such_model(name: str) -> InputError:
    """The error where a name is neither that of a generator nor that of a folder or file."""
    close = get_close_matches(name[:LONGEST_NAME], shipped_names(), 1)
    return InputError(
        f"model {name}: no such model{f'; did you mean {close[0]}?' if close else ''}; give the folder of a "
        f"trained one, a shower file (HDF5), or a shipped one: {', '.join(shipped_names())}"
    )


def parts(model: str) -> list[Path]:
    """Where the generators of a suite are stored, in its order.

    Parameters
    ----------
    model
        Shipped names, folders of trained models and shower files, joined by commas.

    Returns
    -------
    list of Path
        A folder for each trained model, a shower file for each library.
    """
    paths: list[Path] = []
    for word in model.split(","):
        paths += SHIPPED.get(word) or [CHECKPOINTS / word if is_shipped(word) else Path(word)]
    return paths


def folder_of(model: str) -> Path:
    """Where one trained model is, of a shipped name or the path of its folder; it need not be there."""
    found = parts(model)
    return found[0] if len(found) == 1 else Path(model)
