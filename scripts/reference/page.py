"""The description as a page: HTML and CSS, without a script."""
from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from scripts.reference.compose import METHODS
from scripts.reference.samples import sample

Document = dict[str, Any]


def page(document: Document) -> str:
    """The page of a composed document."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True,
        lstrip_blocks=True, undefined=StrictUndefined, keep_trailing_newline=True)
    return environment.get_template("page.html").render(
        info=document["info"], schemas=document["components"]["schemas"], describe=_describe,
        tags=[(tag, _operations(document, tag["name"])) for tag in document["tags"]])


def _operations(document: Document, tag: str) -> list[Document]:
    return [
        {
            **operation, "path": path, "method": method.upper(),
            "parameters": [_resolved(document, each) for each in operation.get("parameters", [])],
            "bodies": [(kind, each.get("schema", {})) for kind, each in operation.get(
                "requestBody", {}).get("content", {}).items()],
            "responses": [(status, _resolved(document, each))
                          for status, each in operation["responses"].items()],
            "sample": sample(path, method, operation),
        }
        for path, operations in document["paths"].items()
        for method in METHODS if (operation := operations.get(method)) is not None
        and tag in operation["tags"]]


def _resolved(document: Document, value: Document) -> Document:
    """What a reference stands for."""
    if "$ref" not in value:
        return value
    found = document
    for name in value["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return found


def _describe(schema: Document) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "const" in schema:
        return f'"{schema["const"]}"'
    if "enum" in schema:
        return " | ".join("null" if each is None else f'"{each}"' for each in schema["enum"])
    kind = schema.get("type", "anything")
    kinds = " or ".join(kind) if isinstance(kind, list) else str(kind)
    words = [f"list of {_describe(schema.get('items', {}))}" if kinds == "array" else kinds]
    if "format" in schema:
        words.append(f"({schema['format']})")
    if "minimum" in schema or "maximum" in schema:
        words.append(f"{schema.get('minimum', '')}–{schema.get('maximum', '')}")
    if "default" in schema:
        words.append(f"= {schema['default']}")
    return " ".join(words)
