"""Writes small legacy PyTorch weights files without PyTorch."""

from __future__ import annotations

import collections
import io
import pickle
import sys
import types
from collections.abc import Mapping
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np


class View(NamedTuple):
    """A tensor as PyTorch stores it: a window on a flat array of elements."""

    elements: np.ndarray
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class LegacyFile(NamedTuple):
    """A legacy file in parts: its five pickles, then the raw storages."""

    pickles: list[bytes]
    storages: bytes

    def __bytes__(self) -> bytes:
        return b"".join(self.pickles) + self.storages


class FloatStorage:
    """Stands for torch.FloatStorage, of which a file holds the name only."""

    __module__ = "torch"


class LongStorage:
    """Stands for torch.LongStorage."""

    __module__ = "torch"


def _rebuild_tensor_v2(*_: Any) -> None:
    """Stand for torch._utils._rebuild_tensor_v2."""


_rebuild_tensor_v2.__module__ = "torch._utils"


class _Pickler(pickle.Pickler):
    storage_types = {np.dtype("f4"): FloatStorage, np.dtype("i8"): LongStorage}

    def persistent_id(self, item: Any) -> Any:
        if isinstance(item, np.ndarray):
            return "storage", self.storage_types[item.dtype], _key(item), "cpu", item.size, None
        return None

    def reducer_override(self, item: Any) -> Any:
        if isinstance(item, View):
            return _rebuild_tensor_v2, (*item, False, collections.OrderedDict())
        return NotImplemented


def _key(elements: np.ndarray) -> str:
    return str(id(elements))


def _pickled(item: Any) -> bytes:
    """Pickle with the fake names importable, as the pickler checks that they are."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    vars(torch).update(FloatStorage=FloatStorage, LongStorage=LongStorage)
    vars(utils).update(_rebuild_tensor_v2=_rebuild_tensor_v2)
    out = io.BytesIO()
    with patch.dict(sys.modules, {"torch": torch, "torch._utils": utils}):
        _Pickler(out, protocol=2).dump(item)
    return out.getvalue()


def legacy_file(views: Mapping[str, View]) -> LegacyFile:
    """Lay out views as torch.save did before PyTorch 1.6; equal arrays share one storage."""
    elements = {_key(view.elements): view.elements for view in views.values()}
    keys = sorted(elements)
    head = (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})
    pickles = [_pickled(item) for item in (*head, collections.OrderedDict(views), keys)]
    raw = b"".join(elements[key].size.to_bytes(8, "little") + elements[key].tobytes()
                   for key in keys)
    return LegacyFile(pickles, raw)
