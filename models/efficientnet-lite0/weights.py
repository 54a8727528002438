"""Reads a legacy (pre-zip) PyTorch weights file without PyTorch.

Such a file is four pickles (magic number, protocol, facts about the writer's machine, the state
dictionary), a fifth with the keys of the storages, and then each storage: its number of elements
as a little-endian int64, followed by the raw elements. A tensor in the dictionary is a view of a
storage: an offset, a shape and strides, all counted in elements.
"""

from __future__ import annotations

import collections
import io
import pickle  # nosec B403  # _Unpickler admits only what a file of plain tensors names
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from errors import BuildError

Array = npt.NDArray[Any]

# First pickle of every legacy file, and the only protocol there has been (torch/serialization.py).
_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001

_DTYPES: dict[str, np.dtype[Any]] = {
    "FloatStorage": np.dtype("<f4"),
    "LongStorage": np.dtype("<i8"),
}


class WeightsError(BuildError):
    """The file is not a legacy weights file of plain tensors."""


class _Storage(NamedTuple):
    key: str
    dtype: np.dtype[Any]
    length: int


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def view(self, elements: Array) -> Array:
        """Return a copy of the tensor out of its storage's elements."""
        smallest = min(self.offset, *self.shape, *self.strides, 0)
        if len(self.shape) != len(self.strides) or smallest < 0:
            raise WeightsError("a tensor's shape and strides do not fit together")
        if 0 in self.shape:
            return np.empty(self.shape, elements.dtype)
        reach = sum((size - 1) * step for size, step in zip(self.shape, self.strides))
        if self.offset + reach >= elements.size:
            raise WeightsError("a tensor reaches beyond its storage")
        steps = [step * elements.itemsize for step in self.strides]
        view = np.lib.stride_tricks.as_strided(elements[self.offset:], self.shape, steps)
        return np.array(view, order="C")


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> _Tensor:
    """Stand in for torch._utils._rebuild_tensor_v2; gradients and hooks are left out."""
    if not isinstance(storage, _Storage):
        raise WeightsError("a tensor without a storage")
    numbers = (offset, *shape, *strides)
    if not all(isinstance(number, int) for number in numbers):
        raise WeightsError("a tensor whose shape is not made of integers")
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


class _Unpickler(pickle.Unpickler):
    """Admits an ordered dictionary of float32 and int64 tensors; refuses every other name."""

    _admitted: ClassVar[dict[tuple[str, str], Any]] = {
        ("collections", "OrderedDict"): collections.OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2"): _tensor,
        ("torch", "FloatStorage"): "FloatStorage",
        ("torch", "LongStorage"): "LongStorage",
    }

    def find_class(self, module: str, name: str) -> Any:
        try:
            return self._admitted[module, name]
        except KeyError:
            raise WeightsError(f"{module}.{name} is not admitted in a weights file") from None

    def persistent_load(self, pid: Any) -> _Storage:
        kind, storage_type, key, _location, count, view = pid
        if kind != "storage" or view is not None:
            raise WeightsError("a storage that is a view of another")
        return _Storage(str(key), _DTYPES[storage_type], int(count))


def read_weights(data: bytes) -> dict[str, Array]:
    """Return the tensors of a weights file by name, each with the shape PyTorch gave it.

    Float tensors are float32, counters int64. Raises WeightsError when the file is anything but
    a complete dictionary of such tensors; a name outside the allow-list is never looked up.
    """
    try:
        return _read(io.BytesIO(data))
    except (pickle.UnpicklingError, EOFError, AttributeError, IndexError, KeyError, MemoryError,
            OverflowError, TypeError, ValueError) as error:
        raise WeightsError(f"not a legacy weights file: {error}") from error


def _read(file: io.BytesIO) -> dict[str, Array]:
    magic, protocol, machine = (_Unpickler(file).load() for _ in range(3))
    if (magic, protocol) != (_MAGIC_NUMBER, _PROTOCOL) or not machine["little_endian"]:
        raise WeightsError("not a little-endian legacy weights file")
    tensors = _Unpickler(file).load()
    if not all(isinstance(tensor, _Tensor) for tensor in tensors.values()):
        raise WeightsError("an entry that is not a tensor")
    keys = _Unpickler(file).load()
    storages = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
    elements = {key: _read_storage(file, storages[key]) for key in keys}
    return {name: tensor.view(elements[tensor.storage.key]) for name, tensor in tensors.items()}


def _read_storage(file: io.BytesIO, storage: _Storage) -> Array:
    count = int.from_bytes(file.read(8), "little", signed=True)
    if count != storage.length:
        raise WeightsError(f"storage {storage.key} has {count} elements, not {storage.length}")
    raw = file.read(count * storage.dtype.itemsize)
    if len(raw) != count * storage.dtype.itemsize:
        raise WeightsError("the file is cut short")
    return np.frombuffer(raw, storage.dtype)
