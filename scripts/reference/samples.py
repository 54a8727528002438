"""A curl command for each operation, to be run as it stands once its variables are set."""
from __future__ import annotations

import json
import re
from typing import Any

Document = dict[str, Any]

FORMS = {
    "predict": '-F file=@"$PICTURE" -F user_id="$USER_ID" -F top_k=5',
    "registerModel": '-F archive=@"$ARCHIVE"',
}
QUERIES = {"compareModels": "?with=$OTHER_VERSION"}


def sample(path: str, method: str, operation: Document) -> str:
    """The command; arguments of paths and values of bodies are variables of the shell."""
    name = operation["operationId"]
    place = re.sub(r"\{(\w+)\}", lambda match: f"${match[1].upper()}", path)
    words = ["curl", f'"$IMGCLASS_URL{place}{QUERIES.get(name, "")}"']
    if method == "head":
        words.append("--head")
    elif (method, name in FORMS or "requestBody" in operation) not in {
            ("get", False), ("post", True)}:
        words.append(f"-X {method.upper()}")
    words.extend(_security(operation))
    if name in FORMS:
        words.append(FORMS[name])
    elif "requestBody" in operation:
        words.append(f"--json '{json.dumps(_body(operation))}'")
    if name == "downloadImage":
        words.append("-o picture")
    return " \\\n    ".join(words)


def _security(operation: Document) -> list[str]:
    kinds = operation.get("security", [{"token": []}])
    if not kinds:
        return []
    variable = "EVENTS_TOKEN" if "machine" in kinds[0] else "TOKEN"
    return [f'-H "Authorization: Bearer ${variable}"']


def _body(operation: Document) -> Any:
    content = operation["requestBody"]["content"]["application/json"]
    return content.get("example", {})
