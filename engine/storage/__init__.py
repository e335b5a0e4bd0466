"""Where campaigns and their inputs live, by URL: POSIX file systems, XRootD, S3."""

from __future__ import annotations

from monsoon.engine.storage.answers import storage_answers
from monsoon.engine.storage.store import Entry, Store
from monsoon.engine.storage.urls import fetch, fetch_folder, local_path, open_store, split_url

__all__ = [
    "Entry",
    "Store",
    "fetch",
    "fetch_folder",
    "local_path",
    "open_store",
    "split_url",
    "storage_answers",
]
