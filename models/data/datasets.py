"""Datasets of HDF5 files that others wrote: what they claim is compared with what they store.

HDF5 files can name other files: links, virtual datasets and storage outside. The library would follow
those anywhere, wait at a FIFO, and give zeros for what is missing. Virtual datasets over files in the same
folder are read; the others are refused.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePath
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from monsoon.models.errors import InputError

SMALL = 64_000_000  # bytes that any dataset may take, however little of it is stored
MOST_DENSE = 1100  # bytes of values for each stored byte beyond that; deflate reaches 1032
MOST_SOURCES = 100_000  # of a virtual dataset
# what h5py raises on files that are damaged or beyond it
DAMAGED = (RuntimeError, LookupError, TypeError, ValueError, OverflowError)
UNREADABLE = (OSError, *DAMAGED)


@contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """An HDF5 file that is there, for reading.

    Raises
    ------
    InputError
        With the remedy, where it cannot be opened, or a part of it cannot be read later on.
    """
    try:
        regular = path.is_file()
    except OSError as error:  # a name that is too long
        raise InputError(f"{path}: {error.strerror}; give a shower file (HDF5)") from error
    if not regular:
        raise InputError(f"{path}: no such file; give a shower file (HDF5, CaloChallenge layout)")
    try:
        # file systems without locks are read without
        with h5py.File(path, "r", locking="best-effort") as file:
            yield file
    except BlockingIOError as error:
        raise InputError(
            f"{path}: locked by a program that writes it; wait until it is closed, or read it as it is with "
            "HDF5_USE_FILE_LOCKING=FALSE in the environment"
        ) from error
    except OSError as error:
        raise InputError(f"{path}: not a whole HDF5 file ({_short(error)}); copy or make it again") from error


def has(file: h5py.File, name: str) -> bool:
    """Whether a file has a dataset of this name, or a link; links are not followed, as `in` would.

    Raises InputError where the file's table of names is damaged.
    """
    try:
        return bool(file.id.links.exists(name.encode()))
    except UNREADABLE as error:
        raise InputError(
            f"{file.filename}: not a whole HDF5 file ({_short(error)}); copy or make it again"
        ) from error


def dataset_of(file: h5py.File, path: Path, name: str) -> h5py.Dataset | None:
    """A dataset that can be read as it is; None where there is nothing of this name, or no dataset.

    Raises
    ------
    InputError
        Naming the dataset, where its values lie elsewhere, are missing, or would take far more memory than
        the file has bytes.
    """
    if not has(file, name):
        return None
    try:
        if not isinstance(file.get(name, getlink=True), h5py.HardLink):
            raise InputError(f"{path}: {name} is a link to elsewhere; write the dataset into the file itself")
        dataset = file[name]
        if not isinstance(dataset, h5py.Dataset):
            return None
        if dataset.shape is None:
            raise InputError(f"{path}: {name} is a null dataset, without values; write them")
        if dataset.is_virtual:
            _check_virtual(file, path, dataset)
        else:
            _check_stored(path, dataset, name)
        _ = dataset.dtype
    except UNREADABLE as error:
        raise InputError(f"{path}: {name} cannot be read ({_short(error)}); copy or make it again") from error
    return dataset


def rows_of(path: Path, dataset: h5py.Dataset, start: int, stop: int) -> NDArray[Any]:
    """Rows of a dataset that `dataset_of` has given. Raises InputError where they cannot be read."""
    try:
        rows: NDArray[Any] = dataset[start:stop]
    except UNREADABLE as error:
        name = dataset.name.lstrip("/")
        raise InputError(f"{path}: {name} cannot be read ({_short(error)}); copy or make it again") from error
    return rows


def take_over(source: h5py.File, path: Path, target: h5py.File, name: str) -> None:
    """Copy a dataset bit by bit, as it is compressed; a virtual one with its values.

    Raises
    ------
    InputError
        As `dataset_of`, and where there is none.
    """
    dataset = dataset_of(source, path, name)
    if dataset is None:
        raise InputError(f"{path}: no dataset {name}")
    try:
        if not dataset.is_virtual:
            source.copy(dataset, target, name)
            return
        copied = target.create_dataset(name, data=rows_of(path, dataset, 0, len(dataset)))
        for key, value in dataset.attrs.items():
            copied.attrs[key] = value
    except DAMAGED as error:
        reason = _short(error)
        raise InputError(f"{path}: {name} cannot be copied ({reason}); copy or make it again") from error


def _check_stored(path: Path, dataset: h5py.Dataset, name: str) -> int:
    """The bytes that a dataset takes. Raises InputError where they are not all in this file."""
    if dataset.external:
        raise InputError(f"{path}: {name} keeps its values outside the file; write them into it")
    _check_filters(path, dataset, name)
    taken, stored = dataset.nbytes, dataset.id.get_storage_size()
    if dataset.chunks:
        chunks = math.prod(-(-have // each) for have, each in zip(dataset.shape, dataset.chunks, strict=True))
        whole = dataset.id.get_num_chunks() >= chunks
        taken = chunks * math.prod(dataset.chunks) * dataset.dtype.itemsize
    else:
        whole = stored >= taken
    if not whole:
        raise InputError(
            f"{path}: {name} claims {dataset.shape} and stores {stored} bytes, not all of it; "
            "write all rows, or a file with those that there are"
        )
    if taken > max(SMALL, MOST_DENSE * stored):
        raise InputError(
            f"{path}: {name} would take {taken / 1e9:.1f} GB of memory and stores {stored} bytes; "
            "write it in smaller chunks, or with gzip"
        )
    return int(taken)


def _check_filters(path: Path, dataset: h5py.Dataset, name: str) -> None:
    properties = dataset.id.get_create_plist()
    for index in range(properties.get_nfilters()):
        code, _, _, title = properties.get_filter(index)
        if h5py.h5z.filter_avail(code):
            continue
        with suppress(ImportError):
            importlib.import_module("hdf5plugin")  # registers its filters
        if not h5py.h5z.filter_avail(code):
            known = title.decode(errors="replace") or "no name"
            raise InputError(
                f"{path}: {name} is compressed with filter {code} ({known}), which is not installed; "
                "pip install hdf5plugin, or compress with gzip"
            )


def _check_virtual(file: h5py.File, path: Path, dataset: h5py.Dataset) -> None:
    """Raise InputError unless all values of a virtual dataset are in files of the same folder."""
    name = dataset.name.lstrip("/")
    count = dataset.id.get_create_plist().get_virtual_count()
    if count > MOST_SOURCES:
        raise InputError(f"{path}: {name} has {count} sources; write its values into one file")
    mapped, held, known = 0, 0, {}
    for source in dataset.virtual_sources():
        mapped += source.vspace.get_select_npoints()
        key = source.file_name, source.dset_name
        if key not in known:
            known[key] = _source(file, path, name, *key)
            held += known[key][1]
        shape, _ = known[key]
        if not _holds(shape, source):
            raise InputError(
                f"{path}: {name}: its source {source.dset_name} in {source.file_name} has shape {shape} now; "
                "make the virtual dataset again"
            )
    if mapped != dataset.size:
        raise InputError(
            f"{path}: {name} is virtual, its sources hold {mapped} of {dataset.size} values; make it again"
        )
    if dataset.nbytes > max(SMALL, held):
        raise InputError(f"{path}: {name} repeats its sources; write its values into one file")


def _holds(shape: tuple[int, ...], source: Any) -> bool:
    """Whether a dataset of this shape has what a virtual one takes from it."""
    if source.src_space.get_select_type() == h5py.h5s.SEL_ALL:
        return bool(math.prod(shape) == source.vspace.get_select_npoints())
    last = source.src_space.get_select_bounds()[1]
    return len(last) == len(shape) and all(at < have for at, have in zip(last, shape, strict=True))


def _source(
    file: h5py.File, path: Path, name: str, file_name: str, dset_name: str
) -> tuple[tuple[int, ...], int]:
    """Shape and bytes of a virtual dataset's source."""
    if file_name == ".":
        return _plain(file, path, name, dset_name)
    place = PurePath(file_name)
    if place.is_absolute() or ".." in place.parts or "%" in file_name:
        raise InputError(
            f"{path}: {name} is virtual over {file_name}; only files in the same folder or below are read, "
            "copy it there"
        )
    with opened(path.parent / place) as source:
        return _plain(source, path.parent / place, name, dset_name)


def _plain(file: h5py.File, path: Path, name: str, dset_name: str) -> tuple[tuple[int, ...], int]:
    source = dset_name.lstrip("/")
    dataset = None if "/" in source else dataset_of(file, path, source)
    if dataset is None or dataset.is_virtual:
        raise InputError(f"{path}: no plain dataset {source}, of which {name} is to consist; make it again")
    return dataset.shape, dataset.nbytes


def _short(error: BaseException) -> str:
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0].split("(")[-1].rstrip(")")


def beyond(values: NDArray[Any], kind: type[np.generic]) -> NDArray[np.bool_]:
    """Where numbers do not fit a narrower type: too large for it, or not whole numbers where it is of those.

    Parameters
    ----------
    values
        Finite numbers of any type and shape.
    kind
        The type that they are to be cast to.
    """
    broken: NDArray[np.bool_]
    if issubclass(kind, np.integer):
        limits = np.iinfo(kind)
        if values.dtype.kind == "f":
            values = values.astype(np.float64)  # in half precision the limits would be infinite
        broken = (values < limits.min) | (values > limits.max)
        return broken if values.dtype.kind in "iu" else broken | (values != np.rint(values))
    if values.dtype.kind in "iu" or values.dtype.itemsize <= np.dtype(kind).itemsize:
        return np.zeros(values.shape, np.bool_)
    broken = np.abs(values) > np.finfo(kind).max  # type: ignore[type-var]  # floating, what is no integer
    return broken
