"""s3fs which obeys orders: requests that are slow, fail, or fail though they did their work."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

import fsspec
from fsspec.asyn import sync_wrapper
from s3fs import S3FileSystem

from tests.chaos.orders import Orders

POINTS = {"events": ("publish", "published"), "_commits": ("commit", "committed")}


class FaultyS3FileSystem(S3FileSystem):  # type: ignore[misc]
    """Orders are for puts of event files and commit records; all else is as it ever was."""

    orders: ClassVar[Orders]

    async def _call_s3(self, method: str, *akwarglist: Any, **kwargs: Any) -> Any:
        folder, _, file = str(kwargs.get("Key", "")).rpartition("/")
        before, after = POINTS.get(folder.rpartition("/")[2] if method == "put_object" else "", ("", ""))
        shard = file.partition(".")[0]
        if before:
            await asyncio.to_thread(self.orders.obey, before, shard)
        answer = await super()._call_s3(method, *akwarglist, **kwargs)
        if after:
            await asyncio.to_thread(self.orders.obey, after, shard)
        return answer

    call_s3 = sync_wrapper(_call_s3)


def register(orders: Orders) -> None:
    """Make it what fsspec, and Monsoon's store, take for s3://."""
    from monsoon.engine.storage import s3

    FaultyS3FileSystem.orders = orders
    fsspec.register_implementation("s3", FaultyS3FileSystem, clobber=True)
    setattr(s3, S3FileSystem.__name__, FaultyS3FileSystem)
