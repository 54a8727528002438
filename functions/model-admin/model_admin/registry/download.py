"""Archives that were put into the models bucket before they are registered."""
from __future__ import annotations

from pathlib import Path

from common.errors import PayloadTooLarge
from common.storage import ObjectStore


def download_archive(store: ObjectStore, key: str, path: Path, max_bytes: int) -> None:
    """Write an object to a file, never more of it than `max_bytes`.

    Raises PayloadTooLarge, NotFound and StoreUnavailable.
    """
    written = 0
    with path.open("wb") as file:
        for chunk in store.get(key).chunks:
            written += len(chunk)
            if written > max_bytes:
                raise PayloadTooLarge(f"The object {key} may have at most {max_bytes} bytes.")
            file.write(chunk)
