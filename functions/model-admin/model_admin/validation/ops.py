"""Which operations a SavedModel contains, held against an allow-list before it is loaded.

A list of forbidden operations leaks: TensorFlow has 1,900, a dozen of which read files.
"""
from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import saved_model_pb2

from common.errors import InvalidModel

_FOLDER = Path(__file__).parent


def _read(name: str) -> frozenset[str]:
    lines = (_FOLDER / name).read_text(encoding="utf-8").splitlines()
    return frozenset(op for line in lines if not line.startswith("#") for op in line.split())


ALLOWED = _read("allowed_ops.txt")
CHECKPOINT = _read("checkpoint_ops.txt")


def check_ops(saved_model: Path) -> list[str]:
    """The names of all operations in saved_model.pb, graph and function library, sorted.

    Raises InvalidModel if the file cannot be parsed or contains an operation that is not
    allowed; those that read and write checkpoints are allowed only in functions that nothing but
    saving and restoring reaches.
    """
    document = saved_model_pb2.SavedModel()
    try:
        document.ParseFromString((saved_model / "saved_model.pb").read_bytes())
    except DecodeError as error:
        raise InvalidModel("saved_model.pb is damaged.") from error
    if len(document.meta_graphs) != 1:
        raise InvalidModel(f"saved_model.pb has {len(document.meta_graphs)} graphs, not one.")
    return _check_graph(document.meta_graphs[0])


def _check_graph(meta_graph: Any) -> list[str]:
    graph = meta_graph.graph_def
    functions = {function.signature.name: function for function in graph.library.function}
    saver = _saver_nodes(meta_graph)
    served = _called_by(node for node in graph.node if node.name not in saver)
    checkpointing = _called_by(node for node in graph.node if node.name in saver)
    # What only saving and restoring reaches; a function nobody calls counts as served.
    restored = _reachable(checkpointing, functions) - _reachable(
        [*served, *_handed_out(meta_graph.object_graph_def)], functions)
    for name, function in functions.items():
        allowed = ALLOWED | CHECKPOINT if name in restored else ALLOWED
        _check_nodes(function.node_def, allowed, f"function {name}", functions)
        if name in restored:
            _check_restore(function)
    _check_nodes(graph.node, ALLOWED, "the graph", functions)
    everywhere = [*graph.node, *(node for item in functions.values() for node in item.node_def)]
    return sorted({node.op for node in everywhere})


def _saver_nodes(meta_graph: Any) -> set[str]:
    """The graph's nodes that save and restore.

    TensorFlow runs them itself when it loads a model without an object graph: then none counts.
    """
    if not meta_graph.HasField("object_graph_def"):
        return set()
    saver = meta_graph.saver_def
    tensors = (saver.filename_tensor_name, saver.save_tensor_name, saver.restore_op_name)
    return {name.split(":")[0] for name in tensors if name}


def _handed_out(objects: Any) -> Iterator[str]:
    """The functions that the loader gives access to, whatever the graph does with them."""
    yield from objects.concrete_functions
    for node in objects.nodes:
        yield from node.function.concrete_functions
        yield node.bare_concrete_function.concrete_function_name


def _check_nodes(
    nodes: Iterable[Any], allowed: frozenset[str], place: str, functions: dict[str, Any]
) -> None:
    for node in nodes:
        if node.op not in allowed and node.op not in functions:
            raise InvalidModel(f"The operation {node.op} in {place} is not allowed.")


def _check_restore(function: Any) -> None:
    """A checkpoint may only be read from the path that the loader passes in."""
    arguments = {argument.name for argument in function.signature.input_arg}
    for node in function.node_def:
        if node.op == "RestoreV2" and node.input[0] not in arguments:
            raise InvalidModel(
                f"The operation RestoreV2 in function {function.signature.name} reads a file of "
                "its own choice.")


def _reachable(names: Iterable[str], functions: dict[str, Any]) -> set[str]:
    found: set[str] = set()
    waiting = [*names]
    while waiting:
        name = waiting.pop()
        if name in functions and name not in found:
            found.add(name)
            waiting += _called_by(functions[name].node_def)
    return found


def _called_by(nodes: Iterable[Any]) -> list[str]:
    return [name for node in nodes for name in _called(node)]


def _called(node: Any) -> Iterator[str]:
    """The functions a node calls: by its attributes, or by being named after one."""
    yield node.op
    for value in node.attr.values():
        if value.HasField("func"):
            yield value.func.name
        yield from (function.name for function in value.list.func)
