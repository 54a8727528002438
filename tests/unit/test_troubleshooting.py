"""docs/troubleshooting.md quotes what the code says."""
from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
GAP = "…"
# What is quoted of shell and nginx, which say it in one line.
OTHERS = ("scripts/install", "deploy/gateway/nginx.conf.template")
# In the first column, but said by no code of ours.
NO_MESSAGES = {"pending", "dead", "Retry-After"}


def quoted() -> Iterator[str]:
    """What stands in backquotes in the first column of the tables."""
    for line in PAGE.splitlines():
        if line.startswith("| ") and not line.startswith("| you see"):
            for message in re.findall(r"`([^`]+)`", line.split(" | ")[0]):
                if message not in NO_MESSAGES:
                    yield message


def texts(path: Path) -> Iterator[str]:
    """Every text in a module, with a gap in the place of what is filled in."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(each.value) if isinstance(each, ast.Constant) else GAP
                          for each in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value.replace("%s", GAP)


@pytest.fixture(scope="module")
def said() -> list[str]:
    """Everything our code can say."""
    folders = ("common", "functions", "imgclass", "deploy", "sql")
    found = [text for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))
             for text in texts(path)]
    return found + [line for name in OTHERS for line in (ROOT / name).read_text(
        encoding="utf-8").splitlines()]


@pytest.mark.parametrize("message", sorted(set(quoted())))
def test_message_is_said(said: list[str], message: str) -> None:
    """Some text of the code has the message's parts, in their order."""
    pattern = re.compile(".*".join(
        re.escape(part.strip()) for part in message.split(GAP)), re.DOTALL)
    assert any(pattern.search(text) for text in said)


def test_messages_were_found() -> None:
    """The tables were read."""
    assert len(set(quoted())) >= 50
