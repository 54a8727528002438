"""Removing objects so that nothing of them is left."""
from __future__ import annotations

from datetime import datetime

from common.storage import ObjectStore


def purge(
    store: ObjectStore, key: str, etag: str = "", until: datetime | None = None
) -> None:
    """Remove an object in all its versions; with `etag`, only those that have it.

    What was written after `until` stays. Once nothing but marks of deletions would be left, they
    go too, since a key may tell a file's name. Raises StoreUnavailable.
    """
    kept, marks = False, []
    for version in store.versions(key):
        if version.key != key:
            break  # the key itself comes first of those that begin with it
        if not version.etag:
            marks.append(version)
        elif etag in ("", version.etag) and (until is None or version.modified <= until):
            store.delete(key, version.version_id)
        else:
            kept = True
    if not kept:
        for mark in marks:
            store.delete(key, mark.version_id)
