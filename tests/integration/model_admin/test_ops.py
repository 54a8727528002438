"""The allow-list of operations, on graphs that TensorFlow wrote and attackers changed."""
from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from common.errors import InvalidModel
from model_admin.validation.ops import ALLOWED, CHECKPOINT, check_ops
from tests import models
from tests.integration.model_admin.conftest import Build

FORBIDDEN = ["ReadFile", "WriteFile", "MatchingFiles", "WholeFileReaderV2", "PrintV2",
             "EagerPyFunc", "PyFunc", "RestoreV2", "SaveV2"]


def refusal(folder: Path) -> str:
    with pytest.raises(InvalidModel) as caught:
        check_ops(folder / "saved_model")
    return str(caught.value)


@pytest.mark.parametrize("kind", ["good", "uint8", "logits", "any-size", "random"])
def test_good(built: Build, kind: str) -> None:
    """What a model computes with is listed, with what saves and restores its weights."""
    ops = check_ops(built(kind) / "saved_model")
    assert {"MatMul", "RestoreV2", "SaveV2"} <= set(ops) <= ALLOWED | CHECKPOINT
    assert ops == sorted(ops)


@pytest.mark.parametrize("op", FORBIDDEN)
def test_forbidden(built: Build, op: str) -> None:
    """Files, printing and Python are nothing a model needs; the operation is named."""
    assert re.fullmatch(rf"The operation {op} in function \S+ is not allowed\.",
                        refusal(built(op)))


def test_inside_a_branch(built: Build) -> None:
    """An operation is found in the function of a branch that may never be taken."""
    assert "ReadFile" in refusal(built("in-a-branch"))


def test_in_a_function_nobody_calls(tmp_path: Path) -> None:
    """A function that no signature leads to can still be called by who loads the model."""
    import tensorflow as tf

    module = tf.Module()
    module.weights = tf.Variable(tf.ones([models.FEATURES, 3]))
    module.spy = tf.function(
        lambda: tf.io.read_file("/etc/hostname"), input_signature=[])
    module.spy.get_concrete_function()
    models.save(module, tf.function(
        lambda image: {"scores": models.scores(image, module.weights)},
        input_signature=[models.FLOAT]), tmp_path)
    assert "ReadFile" in refusal(tmp_path)


def _output_node(graph: Any) -> str:
    name: str = graph.signature_def["serving_default"].outputs["scores"].name
    return name.split(":")[0]


def test_signature_dressed_as_restoring(tmp_path: Path) -> None:
    """Naming a signature's node as the saver's does not let it write files."""
    models.build("SaveV2", tmp_path)
    with models.tampered(tmp_path) as graph:
        graph.saver_def.filename_tensor_name = f"{_output_node(graph)}:0"
    assert "The operation SaveV2" in refusal(tmp_path)


def test_signature_behind_a_saver_node(tmp_path: Path) -> None:
    """Nor does a node that passes on what the supposed saver's node computes."""
    models.build("SaveV2", tmp_path)
    with models.tampered(tmp_path) as graph:
        output = graph.signature_def["serving_default"].outputs["scores"]
        graph.saver_def.filename_tensor_name = output.name
        passing = graph.graph_def.node.add(name="passing", op="Identity", input=[output.name])
        passing.attr["T"].type = output.dtype
        output.name = "passing:0"
    assert "The operation SaveV2" in refusal(tmp_path)


def test_object_graph_hands_out_what_restoring_reaches(tmp_path: Path) -> None:
    """The loader finds signatures by the object graph, whatever the signatures' list says."""
    models.build("SaveV2", tmp_path)
    with models.tampered(tmp_path) as graph:
        graph.saver_def.filename_tensor_name = f"{_output_node(graph)}:0"
        del graph.signature_def["serving_default"]
    assert "The operation SaveV2" in refusal(tmp_path)


def test_without_object_graph(tmp_path: Path) -> None:
    """TensorFlow runs the saver's nodes of an old model while loading: they are served."""
    models.build("good", tmp_path)
    with models.tampered(tmp_path) as graph:
        graph.ClearField("object_graph_def")
    assert "is not allowed" in refusal(tmp_path)


def test_checkpoint_operation_in_the_graph_itself(tmp_path: Path) -> None:
    """Only functions save and restore; a node of the graph that does is none of TensorFlow's."""
    models.build("good", tmp_path)
    with models.tampered(tmp_path) as graph:
        graph.graph_def.node.add(name="evil", op="SaveV2")
        graph.saver_def.filename_tensor_name = "evil"
    assert refusal(tmp_path) == "The operation SaveV2 in the graph is not allowed."


def test_restoring_from_elsewhere(tmp_path: Path) -> None:
    """A checkpoint is read from where the loader says, not from where the model says."""
    models.build("good", tmp_path)
    with models.tampered(tmp_path) as graph:
        for function in graph.graph_def.library.function:
            for node in function.node_def:
                if node.op == "RestoreV2":
                    node.input[0] = "chosen:output:0"
    assert refusal(tmp_path).endswith(" reads a file of its own choice.")


def test_unknown_operation(tmp_path: Path) -> None:
    """An operation of a plug-in, or of tomorrow, is refused."""
    models.build("good", tmp_path)
    with models.tampered(tmp_path) as graph:
        graph.graph_def.node.add(name="new", op="MyVeryOwnOp")
    assert refusal(tmp_path) == "The operation MyVeryOwnOp in the graph is not allowed."


def test_function_named_like_an_operation(tmp_path: Path) -> None:
    """A function called like a harmless operation is itself looked into."""
    models.build("ReadFile", tmp_path)
    with models.tampered(tmp_path) as graph:
        for function in graph.graph_def.library.function:
            if any(node.op == "ReadFile" for node in function.node_def):
                function.signature.name = "Relu"
    assert "The operation ReadFile in function Relu" in refusal(tmp_path)


@pytest.mark.parametrize("data", [b"no graph", b"\xff" * 100, b"\x0a\xff\xff"])
def test_damaged(tmp_path: Path, data: bytes) -> None:
    """Bytes that are no SavedModel are refused as that."""
    (tmp_path / "saved_model").mkdir()
    (tmp_path / "saved_model" / "saved_model.pb").write_bytes(data)
    assert refusal(tmp_path) == "saved_model.pb is damaged."


def test_no_graph(tmp_path: Path) -> None:
    """An empty file is a SavedModel without a graph."""
    (tmp_path / "saved_model").mkdir()
    (tmp_path / "saved_model" / "saved_model.pb").write_bytes(b"")
    assert refusal(tmp_path) == "saved_model.pb has 0 graphs, not one."


def test_lists() -> None:
    """No operation that touches files, the network or Python has slipped into the list."""
    for word in ("File", "Py", "Save", "Restore", "Reader", "Dataset", "Print", "Queue", "Rpc",
                 "Send", "Recv", "Decode", "Directory", "Load", "Checkpoint", "Asset", "Table"):
        assert not [op for op in ALLOWED if word in op], word
    assert not ALLOWED & CHECKPOINT
