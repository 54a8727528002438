"""Loaded versions, the last few of them kept warm."""
from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path

from common.db import Database, load_queries
from common.errors import Conflict
from common.inference.model import Model, ModelLoader, ModelRow

KEPT = 2

_queries = load_queries(Path(__file__).with_name("queries.sql"))


class LoadedVersions:
    """Loads any ready version when it is first asked for, and keeps the last KEPT."""

    def __init__(self, database: Database, loader: ModelLoader) -> None:
        self._database = database
        self._loader = loader
        self._models: OrderedDict[str, Model] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, version: str) -> Model:
        """The version, loaded and warm.

        Raises Conflict if it is not ready (any more), and Unavailable if it cannot be fetched.
        """
        with self._database.transaction() as connection:
            row = _queries.find_ready_version(connection, version=version)
        if row is None:
            raise Conflict(f"Model version {version} is not ready.")
        with self._lock:
            model = self._models.pop(version, None) or self._loader.load(ModelRow(**row))
            self._models[version] = model
            while len(self._models) > KEPT:
                self._models.popitem(last=False)
        return model
