"""Loaded versions, the last few of them kept warm."""
from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from common.db import Database, load_queries
from common.errors import Conflict
from common.inference.model import Model, ModelLoader, ModelRow

KEPT = 2

_queries = load_queries(Path(__file__).with_name("queries.sql"))


@dataclass(frozen=True, eq=False)
class _Kept:
    row: ModelRow
    engine: str | None
    model: Model


class LoadedVersions:
    """Loads any ready version when it is first asked for, and keeps the last KEPT.

    `pinned` are the loaders for those who ask for one engine, by its name.
    """

    def __init__(
        self,
        database: Database,
        loader: ModelLoader,
        pinned: Mapping[str, ModelLoader],
    ) -> None:
        self._database = database
        self._loader = loader
        self._pinned = pinned
        self._kept: list[_Kept] = []
        self._lock = threading.Lock()

    def find(self, version: str) -> ModelRow:
        """The version's row. Raises Conflict if it is not ready (any more)."""
        with self._database.transaction() as connection:
            row = _queries.find_ready_version(connection, version=version)
        if row is None:
            raise Conflict(f"Model version {version} is not ready.")
        return ModelRow(**row)

    def get(self, version: str, engine: str | None = None) -> Model:
        """The version, loaded and warm, on `engine` or on the one the loader chooses.

        Raises Conflict if it is not ready (any more), and Unavailable if it cannot be fetched
        or the engine asked for cannot run it.
        """
        row = self.find(version)
        with self._lock:
            loader = self._loader if engine is None else self._pinned[engine]
            kept = self._take(row, engine) or _Kept(row, engine, loader.load(row))
            self._kept = [*self._kept, kept][-KEPT:]
        return kept.model

    def _take(self, row: ModelRow, engine: str | None) -> _Kept | None:
        """A model loaded from the same row: one whose row has changed is loaded anew."""
        for kept in self._kept:
            if kept.row == row and engine in (kept.engine, kept.model.engine.name):
                self._kept.remove(kept)
                return kept
        return None
