"""Composing OpenAPI 3.1 documents of what stands beside the routes.

Each folder with routes has an openapi.yaml with its `tag`, `paths`, `schemas` and `responses`.
Short forms stand for what would be the same everywhere:

- a parameter, a header or an answer that is a name stands for the shared one of that name,
- `json: Name` for a body of JSON with that schema,
- `problem: Text` for a problem (RFC 9457), with `retry: true` one with Retry-After.

What every operation may answer, unless it says so itself, and its first tag, are added.
"""
from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FUNCTIONS = {"predict": "predict", "history": "history", "model-admin": "model_admin"}
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
# What may happen to any request of a user, and of a machine.
ALWAYS = {"401": "Unauthenticated", "429": "TooManyRequests", "503": "Unavailable"}
OF_MACHINES = {"401": "Unauthenticated", "503": "Unavailable"}

Document = dict[str, Any]


def compose(functions: Iterable[str] = FUNCTIONS) -> Document:
    """The complete document of these functions. Raises ValueError for what is there twice."""
    document = _read(Path(__file__).with_name("base.yaml"))
    document["tags"], document["paths"] = [], {}
    components = document["components"]
    for function in functions:
        for file in _fragments(function):
            part = _read(file)
            if "tag" in part:
                document["tags"].append(part["tag"])
            for kind in ("schemas", "responses"):
                _add(components[kind], part.get(kind, {}), file)
            for path, operations in part["paths"].items():
                _add(document["paths"].setdefault(path, {}), {
                    method: _operation(operation, part)
                    for method, operation in operations.items()}, file)
    components["responses"] = {
        name: _response(response) for name, response in components["responses"].items()}
    document["tags"].sort(key=lambda tag: tag["name"] == "machines")
    return document


def _fragments(function: str) -> list[Path]:
    return sorted((ROOT / "functions" / function / FUNCTIONS[function]).rglob("openapi.yaml"))


def _read(path: Path) -> Document:
    document: Document = yaml.safe_load(path.read_text(encoding="utf-8"))
    return document


def _add(target: Document, more: Document, file: Path) -> None:
    for name, value in more.items():
        if name in target:
            raise ValueError(f"{name} of {file} stands elsewhere as well")
        target[name] = value


def _operation(sent: Document, part: Document) -> Document:
    operation = {"tags": [part["tag"]["name"]] if "tags" not in sent else sent["tags"], **sent}
    if "parameters" in sent:
        operation["parameters"] = [_shared("parameters", each) for each in sent["parameters"]]
    security = sent.get("security", [{"token": []}])
    always = {} if not security else OF_MACHINES if "machine" in security[0] else ALWAYS
    operation["responses"] = {
        status: _response(_shared("responses", response))
        for status, response in sorted({**always, **sent["responses"]}.items())}
    return operation


def _response(sent: Document) -> Document:
    response = dict(sent)
    headers = {name: _shared("headers", header)
               for name, header in response.pop("headers", {}).items()}
    if "problem" in response:
        response["description"] = response.pop("problem")
        response["content"] = {"application/problem+json": {"schema": _schema("Problem")}}
        if response.pop("retry", False):
            headers["Retry-After"] = _shared("headers", "RetryAfter")
    if "json" in response:
        response["content"] = {"application/json": {"schema": _schema(response.pop("json"))}}
    if headers:
        response["headers"] = headers
    return response


def _schema(name: str) -> Document:
    return {"$ref": f"#/components/schemas/{name}"}


def _shared(kind: str, sent: Any) -> Any:
    return {"$ref": f"#/components/{kind}/{sent}"} if isinstance(sent, str) else sent
