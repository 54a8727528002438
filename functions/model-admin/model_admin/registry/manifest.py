"""Checking a manifest before anything relies on it."""
from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from common.errors import InvalidModel

_validator = Draft202012Validator(
    json.loads(Path(__file__).with_name("manifest.schema.json").read_text(encoding="utf-8")))


def check_manifest(text: bytes) -> dict[str, Any]:
    """Parse manifest.json. Raises InvalidModel naming the field that is wrong."""
    try:
        document: dict[str, Any] = json.loads(text)
    except ValueError as error:
        raise InvalidModel(f"manifest.json is not JSON: {error}.") from error
    fault = best_match(_validator.iter_errors(document))
    if fault is not None:
        raise InvalidModel(f"manifest.json: {fault.json_path}: {fault.message}.")
    source, resize = document["input"], document["preprocessing"]["resize"]
    if resize.get("size", math.inf) < max(source["height"], source["width"]):
        raise InvalidModel(
            "manifest.json: $.preprocessing.resize.size: must not be smaller than the input.")
    return document
