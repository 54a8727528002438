"""docs/architecture.md names every room of the functions, and every folder of the repository."""
from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
PACKAGES = {"predict": "predict/predict", "history": "history/history",
            "model-admin": "model-admin/model_admin"}


def rooms(function: str) -> set[str]:
    """The folders of a function that are packages."""
    folder = ROOT / "functions" / PACKAGES[function]
    return {path.parent.name for path in folder.glob("*/__init__.py")}


def named(function: str) -> set[str]:
    """The rooms in the function's rows of the page's last table."""
    rows = PAGE.split(f"| {function} | ", 1)[1].splitlines()
    own = [rows[0]]
    for row in rows[1:]:
        if not row.startswith("| | "):
            break
        own.append(row.removeprefix("| | "))
    return set(re.findall(r"`(\w+)`", " ".join(row.split(" | ")[0] for row in own)))


@pytest.mark.parametrize("function", PACKAGES)
def test_rooms(function: str) -> None:
    """The table has the rooms there are, and no others."""
    assert named(function) == rooms(function)


def test_modules_of_common() -> None:
    """The table of what the functions share has the modules there are, and no others."""
    table = PAGE.split("| in `common/` | modules |", 1)[1].split("\n\n", 1)[0]
    modules = {path.stem for path in (ROOT / "common").glob("*.py")} - {"__init__"}
    assert set(re.findall(r"`(\w+)`", table)) == modules


def test_two_diagrams() -> None:
    """What runs and how a request flows are drawn, each once."""
    assert re.findall(r"```mermaid\n(\w+)", PAGE) == ["flowchart", "sequenceDiagram"]


def test_functions_are_drawn() -> None:
    """Every function stands in the first diagram."""
    drawn = PAGE.split("```mermaid\n", 1)[1].split("```", 1)[0]
    assert all(path.parent.name in drawn for path in (ROOT / "functions").glob("*/handler.py"))
