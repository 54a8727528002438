"""Every YAML of a deployment: read strictly, and with no field that its program does not know."""
from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.deployment_files import DEPLOY, ROOT, files, objections, parse, read, schema_of

FILES = [str(path.relative_to(ROOT)) for path in files()]
# Mappings whose keys anybody may choose.
FREE = {"labels", "annotations", "matchLabels", "pairs", "environment", "build_args", "functions",
        "requests", "limits"}


@pytest.mark.parametrize("name", FILES)
def test_file(name: str) -> None:
    """Nothing is misspelt, misplaced or of a wrong type."""
    path = ROOT / name
    documents = read(path)
    assert documents
    for document in documents:
        assert objections(document, schema_of(path)) == []


@pytest.mark.parametrize("name", FILES)
def test_misspelt_field(name: str) -> None:
    """Each file's check fails as soon as any one of its fields is misspelt."""
    path = ROOT / name
    for document in read(path):
        for field, changed in misspellings(document):
            assert objections(changed, schema_of(path)), field


def test_all_files_are_found() -> None:
    """The check sees what is to be deployed."""
    assert {"stack.yml", "deploy/openfaas/stack.pro.yml", "deploy/kubernetes/predict.yaml",
            "deploy/knative/predict.yaml"} <= set(FILES)
    assert not [path for path in DEPLOY.rglob("*.json") if not json.loads(path.read_text())]


@pytest.mark.parametrize("text", [
    "a: 1\nb: 2\na: 3", "- {x: 1, x: 1}", "a: {<<: {b: 1}, b: 2, b: 3}"])
def test_key_that_stands_twice(text: str) -> None:
    """A key that stands twice is refused: other readers would keep the last in silence."""
    with pytest.raises(yaml.YAMLError, match="stands twice"):
        parse(text)


@pytest.mark.parametrize(("document", "message"), [
    ({"apiVersion": "apps/v1", "kind": "Deploymnt", "metadata": {"name": "x"}}, "Deploymnt"),
    ({"apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": {"name": "x"},
      "spec": {"template": {"spec": {"containerConcurency": 1, "containers": []}}}},
     "containerConcurency"),
    ({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"},
      "spec": {"ports": [{"port": "eighty"}]}}, "eighty"),
])
def test_objection(document: dict[str, Any], message: str) -> None:
    """Unknown kinds, fields of Knative's pods and wrong types are objected to, by name."""
    (said,) = objections(document)
    assert message in said


def misspellings(document: Any) -> Iterator[tuple[str, Any]]:
    """The document with one field misspelt, for each field that has a fixed name."""
    def visit(value: Any, trail: list[Any], free: bool) -> Iterator[list[Any]]:
        if isinstance(value, dict):
            for key, inner in value.items():
                if not free and "/" not in key:
                    yield [*trail, key]
                yield from visit(inner, [*trail, key], key in FREE and not free)
        elif isinstance(value, list):
            for index, inner in enumerate(value):
                yield from visit(inner, [*trail, index], False)

    for trail in visit(document, [], False):
        if trail in (["apiVersion"], ["kind"]):  # by which the schema is found
            continue
        changed = copy.deepcopy(document)
        holder = changed
        for step in trail[:-1]:
            holder = holder[step]
        holder[f"{trail[-1]}x"] = holder.pop(trail[-1])
        yield ".".join(map(str, trail)), changed
