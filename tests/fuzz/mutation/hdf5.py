"""Changes of HDF5 files through h5py: other types, shapes, values, links and storage."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any

import h5py
import numpy as np

from tests.fuzz.mutation.apart import Apart, serve
from tests.fuzz.mutation.octets import mutated_bytes

TYPES = (
    *("f2", "f4", "f8", ">f4", "i1", "u1", "i2", "u4", "i8", "u8", ">i8", "?", "c8", "S4"),
    np.dtype([("a", "f4"), ("b", "i4")]),
    np.dtype(("f4", (3,))),
    h5py.string_dtype(),
    h5py.vlen_dtype("f4"),
    h5py.enum_dtype({"A": 0, "B": 1}, basetype="i4"),
    h5py.ref_dtype,
    h5py.opaque_dtype(np.dtype("V8")),
)
VALUES = (
    *(0.0, -0.0, -1.0, 1e-320, 1e-38, 1e39, -1e39, 1e308, float("nan"), float("inf"), float("-inf"), 22.7),
    *(2.0**31, 2.0**32 + 22, 2.0**40 + 22, 2.0**63, -(2.0**63), 1e-3, 1e7, 3.2, 90.0),
)
Change = Callable[[h5py.File, str, Random], None]
APART = Apart("tests.fuzz.mutation.hdf5")


def mutated_hdf5(content: bytes, random: Random) -> bytes:
    """The file with one to three of its datasets changed; one in four with changed bytes instead.

    HDF5 can crash while it writes what no file should claim: then bytes are changed, too.
    """
    changed = None if random.random() < 0.25 else APART(content, random)
    return mutated_bytes(content, random) if changed is None else changed


def _mutated(content: bytes, random: Random) -> bytes:
    held = io.BytesIO(content)
    with h5py.File(held, "r+") as file:
        # changes read what is there: those that make it claim more than it has come last, and once
        changes = sorted(random.choices(CHANGES, k=random.choice((1, 1, 1, 2, 3))), key=LIES.__contains__)
        lies = sum(change in LIES for change in changes)
        for change in changes[: len(changes) - lies + 1]:
            with suppress(MemoryError, RuntimeError):  # of what an earlier change claims
                names = [name for name in file if isinstance(file.get(name), h5py.Dataset)]
                if names:
                    change(file, random.choice(names), random)
    found = held.getvalue()
    return mutated_bytes(found, random) if random.random() < 0.05 else found


def _put(file: h5py.File, name: str, data: Any, **more: Any) -> None:
    del file[name]
    file.create_dataset(name, data=data, **more)


def _type(file: h5py.File, name: str, random: Random) -> None:
    data, kind = file[name][()], np.dtype(random.choice(TYPES))
    if kind.kind in "fiub" and not kind.shape and np.dtype(data.dtype).kind in "fiub":
        with np.errstate(all="ignore"):
            _put(file, name, data.astype(kind))
    else:
        shape = file[name].shape
        del file[name]
        file.create_dataset(name, shape, kind)


def _value(file: h5py.File, name: str, random: Random) -> None:
    data = np.asarray(file[name][()])
    if not data.size or data.dtype.kind not in "fiu":
        return
    data = data.astype(random.choice((data.dtype, np.dtype("f8"))))
    with np.errstate(all="ignore"):
        for _ in range(random.choice((1, 1, 3))):
            data[tuple(random.randrange(n) for n in data.shape)] = np.float64(random.choice(VALUES)).astype(
                data.dtype
            )
        if random.random() < 0.2:
            data[...] = np.float64(random.choice(VALUES)).astype(data.dtype)
    _put(file, name, data)


def _shape(file: h5py.File, name: str, random: Random) -> None:
    data = np.asarray(file[name][()])
    ways: tuple[Callable[[], Any], ...] = (
        lambda: data[:0],
        lambda: data[:1],
        lambda: data[: len(data) // 2],
        lambda: np.concatenate([data, data]),
        lambda: data.reshape(-1),
        lambda: data[..., None],
        lambda: data[None],
        lambda: data.T,
        lambda: data.reshape(-1)[0] if data.size else data,
        lambda: h5py.Empty(data.dtype),
        lambda: data[:, :0] if data.ndim > 1 else data[:0],
        lambda: np.zeros((*data.shape[:1], *(3 for _ in range(random.randrange(1, 9)))), data.dtype),
    )
    if data.ndim:
        _put(file, name, random.choice(ways)())


def _claim(file: h5py.File, name: str, random: Random) -> None:
    """Rows that are not stored: they take no room in the file."""
    shape, kind = file[name].shape, file[name].dtype
    rows = random.choice((1 << 16, 1 << 22, 10**9, 10**12, 1 << 62))
    names = list(file) if random.random() < 0.5 else [name]
    for each in names:
        if isinstance(file.get(each), h5py.Dataset):
            shape, kind = file[each].shape, file[each].dtype
            if shape and kind.kind in "fiu":
                chunks = tuple(min(n, 64) or 1 for n in shape)
                fill = random.choice((None, 1))
                del file[each]
                file.create_dataset(
                    each, (rows, *shape[1:]), kind, chunks=chunks, fillvalue=fill, compression="gzip"
                )


def _link(file: h5py.File, name: str, random: Random) -> None:
    del file[name]
    others = [other for other in file if other != name]
    file[name] = random.choice(
        (
            h5py.SoftLink(f"/{name}"),
            h5py.SoftLink("/nowhere"),
            h5py.SoftLink(f"/{random.choice(others)}" if others else "/"),
            h5py.ExternalLink("/dev/zero", "x"),
            h5py.ExternalLink("nowhere.h5", name),
            h5py.ExternalLink("/etc/hostname", name),
        )
    )


def _other_object(file: h5py.File, name: str, random: Random) -> None:
    del file[name]
    if random.random() < 0.5:
        file.create_group(name)
    else:
        file[name] = np.dtype("f4")


def _remove(file: h5py.File, name: str, random: Random) -> None:
    del file[name]


def _swap(file: h5py.File, name: str, random: Random) -> None:
    other = random.choice(list(file))
    if other != name:
        file.move(name, "between")
        file.move(other, name)
        file.move("between", other)


def _virtual(file: h5py.File, name: str, random: Random) -> None:
    shape, kind = file[name].shape, file[name].dtype
    if not shape or kind.kind not in "fiu":
        return
    layout = h5py.VirtualLayout(shape, kind)
    source = random.choice((".", "nowhere.h5", "/dev/zero", "/etc/hostname"))
    layout[...] = h5py.VirtualSource(source, random.choice((name, "other")), shape)
    del file[name]
    file.create_virtual_dataset(name, layout)


def _external(file: h5py.File, name: str, random: Random) -> None:
    shape, kind = file[name].shape, file[name].dtype
    if not shape or kind.kind not in "fiu":
        return
    del file[name]
    place = random.choice(("/etc/hostname", "/dev/zero", "nowhere.bin"))
    file.create_dataset(name, shape, kind, external=[(place, 0, h5py.h5f.UNLIMITED)])


def _storage(file: h5py.File, name: str, random: Random) -> None:
    data = np.asarray(file[name][()])
    if not data.ndim or not data.size or data.dtype.kind not in "fiu":
        return
    chunks = tuple(random.randrange(1, n + 1) for n in data.shape)
    filters = random.choice(
        ({"compression": "lzf"}, {"fletcher32": True}, {"shuffle": True}, {"scaleoffset": 4}, {})
    )
    _put(file, name, data, chunks=chunks, maxshape=(None,) * data.ndim, **filters)


CHANGES: tuple[Change, ...] = (
    _type, _type, _value, _value, _value, _shape, _shape, _claim, _link, _other_object, _remove, _swap,
    _virtual, _external, _storage,
)  # fmt: skip
LIES = (_claim, _virtual, _external, _storage)

if __name__ == "__main__":
    serve(_mutated)
