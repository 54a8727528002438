"""Checking a manifest before anything relies on it."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import best_match

from common.errors import InvalidModel

MAX_DETAIL_CHARACTERS = 300


def _is_integer(_checker: object, value: object) -> bool:
    """Without 5.0, which JSON Schema counts as an integer and Python does not take for one."""
    return isinstance(value, int) and not isinstance(value, bool)


_Validator = validators.extend(  # type: ignore[no-untyped-call]  # the stubs leave it bare
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer))
_validator = _Validator(
    json.loads(Path(__file__).with_name("manifest.schema.json").read_text(encoding="utf-8")))


def check_manifest(text: bytes) -> dict[str, Any]:
    """Parse manifest.json. Raises InvalidModel naming the field that is wrong."""
    try:
        document: dict[str, Any] = json.loads(text, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise InvalidModel("manifest.json is nested too deeply.") from error
    except ValueError as error:
        raise InvalidModel(f"manifest.json is not JSON: {error}.") from error
    fault = best_match(_validator.iter_errors(document))
    if fault is not None:
        words = f"{fault.json_path}: {fault.message}"[:MAX_DETAIL_CHARACTERS]
        raise InvalidModel(f"manifest.json: {words}.")
    _check_resize(document["preprocessing"]["resize"], document["input"])
    return document


def _check_resize(resize: dict[str, Any], source: dict[str, Any]) -> None:
    size = resize.get("size")
    if resize["mode"] == "exact" and size is not None:
        raise InvalidModel(
            "manifest.json: $.preprocessing.resize.size: the mode exact takes no size.")
    if size is not None and size < max(source["height"], source["width"]):
        raise InvalidModel(
            "manifest.json: $.preprocessing.resize.size: must not be smaller than the input.")


def _refuse_constant(name: str) -> None:
    """NaN and Infinity, which Python reads though RFC 8259 (§6) has no such numbers."""
    raise ValueError(f"{name} is no JSON number")
