"""A curl command for each operation, to be run as it stands once its variables are set."""
from __future__ import annotations

import json
import re
from typing import Any

Document = dict[str, Any]

FORMS = {
    "predict": '-F file=@"$PICTURE" -F user_id="$USER_ID" -F top_k=5',
    "predictBatch": '-F file=@"$PICTURE" -F file=@"$PICTURE" -F user_id="$USER_ID"',
    "registerModel": '-F archive=@"$ARCHIVE"',
}
QUERIES = {"compareModels": "?with=$OTHER_VERSION"}
OUTPUTS = {
    "downloadImage": "--output picture",
    "exportPredictions": "--output predictions.csv",
    "exportDataset": "--output dataset.csv",
}
JSON = "application/json"


def sample(path: str, method: str, operation: Document) -> str:
    """The command; arguments of paths and of bodies are variables of the shell.

    Machines talk to a function, for whose address they have to know: it is behind no gateway.
    """
    name, content = operation["operationId"], operation.get("requestBody", {}).get("content", {})
    secured = operation.get("security", [{"token": []}])
    machine = not secured or "machine" in secured[0]
    address = "$FUNCTION_URL" if machine else "$IMGCLASS_URL"
    place = re.sub(r"\{(\w+)\}", lambda match: f"${match[1].upper()}", path)
    words = [f'curl "{address}{place}{QUERIES.get(name, "")}"']
    words += _method(method, has_body=bool(content))
    if secured:
        words.append(f'-H "Authorization: Bearer ${"EVENTS_TOKEN" if machine else "TOKEN"}"')
    if name in FORMS:
        words.append(FORMS[name])
    elif JSON in content:
        words += [f"-H 'Content-Type: {JSON}'", f"-d {_quoted(content[JSON].get('example', {}))}"]
    words += [OUTPUTS[name]] if name in OUTPUTS else []
    return " \\\n    ".join(words)


def _method(method: str, has_body: bool) -> list[str]:
    """What curl has to be told, beside a body, which it sends by POST."""
    if method == "head":
        return ["--head"]
    usual = "post" if has_body else "get"
    return [] if method == usual else [f"-X {method.upper()}"]


def _quoted(body: Any) -> str:
    """JSON for a shell, its variables outside of the quotes."""
    return "'" + re.sub(r"(\$[A-Z_]+)", r"""'"\1"'""", json.dumps(body)) + "'"
