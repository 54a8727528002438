"""The reader of legacy PyTorch weights."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import weights
from tests.unit.models.legacy_file import View, legacy_file


def test_views_have_the_shape_and_strides_they_were_saved_with():
    """An offset, a transposed view and a shared storage all come back as PyTorch saw them."""
    shared = np.arange(10, dtype="f4")
    counter = np.array([7], dtype="i8")
    found = weights.read_weights(bytes(legacy_file({
        "plain": View(shared, 0, (2, 3), (3, 1)),
        "transposed": View(shared, 4, (3, 2), (1, 3)),
        "counter": View(counter, 0, (), ()),
    })))
    assert list(found) == ["plain", "transposed", "counter"]
    np.testing.assert_array_equal(found["plain"], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(found["transposed"], [[4, 7], [5, 8], [6, 9]])
    assert found["plain"].dtype == np.float32
    assert found["counter"] == 7 and found["counter"].dtype == np.int64


class _Touch:
    """An object whose pickle creates a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("position", range(5))
def test_a_pickle_that_runs_code_is_refused_wherever_it_stands(tmp_path, position):
    """None of the five pickles of a file can call anything."""
    mark = tmp_path / "mark"
    pickles, storages = legacy_file({"x": View(np.zeros(1, "f4"), 0, (1,), (1,))})
    pickles[position] = pickle.dumps(_Touch(mark), protocol=2)
    with pytest.raises(weights.WeightsError, match="is not admitted"):
        weights.read_weights(b"".join(pickles) + storages)
    assert not mark.exists()


@pytest.mark.parametrize("name", [
    "builtins\neval", "os\nsystem", "collections\nCounter", "torch\nHalfStorage",
    "torch._utils\n_rebuild_parameter", "torch\n_utils._rebuild_tensor_v2",
])
def test_a_name_outside_the_allow_list_is_refused(name):
    """A global is admitted by its exact module and name only, and the message says which."""
    pickles, storages = legacy_file({"x": View(np.zeros(1, "f4"), 0, (1,), (1,))})
    pickles[3] = b"c" + name.encode() + b"\n."
    with pytest.raises(weights.WeightsError, match=name.replace("\n", r"\.")):
        weights.read_weights(b"".join(pickles) + storages)


@pytest.mark.parametrize("view", [
    View(np.zeros(6, "f4"), 1, (2, 3), (3, 1)),
    View(np.zeros(6, "f4"), 5, (2,), (-1,)),
    View(np.zeros(6, "f4"), -1, (1,), (1,)),
    View(np.zeros(6, "f4"), 0, (2, 3), (1,)),
])
def test_a_view_outside_its_storage_is_refused(view):
    """No shape, stride or offset reaches memory that the storage does not own."""
    with pytest.raises(weights.WeightsError, match="a tensor"):
        weights.read_weights(bytes(legacy_file({"x": view})))


def test_a_file_cut_short_is_refused_at_every_length():
    """A download that stopped half-way never yields weights."""
    data = bytes(legacy_file({"x": View(np.arange(3, dtype="f4"), 0, (2,), (1,))}))
    for length in range(len(data)):
        with pytest.raises(weights.WeightsError):
            weights.read_weights(data[:length])
