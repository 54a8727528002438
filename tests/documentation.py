"""The shell commands of the documentation, and what it says of those that no test runs.

A block of commands is a fence of `sh` or `console`, or lines that are indented by four. An HTML
comment right above it may say why it is not run, or which test runs it:

    <!-- not run: it needs a cluster -->
    <!-- run by: tests/e2e/test_swap.py -->

and `<!-- no command -->` is for what is indented and is none.
"""
from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.servers import ROOT

SHELLS = {"sh", "bash", "console"}
_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)$")
_MARK = re.compile(r"^ *<!-- (?P<name>not run|run by|no command)(: (?P<why>.+))? -->$")
_INDENTED = re.compile(r"^ {4,}\S")
_ITEM = re.compile(r"^ *([-*]|\d+\.) ")


@dataclass(frozen=True)
class Block:
    """Commands at a line of a page, below a heading; `mark` is what the comment above says."""

    page: str
    heading: str
    line: int
    text: str
    mark: str = ""
    why: str = ""

    @property
    def is_run(self) -> bool:
        """Whether whoever runs the page is to run this."""
        return not self.mark

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> list[str]:
    """README.md and all below docs/."""
    return ["README.md", *sorted(
        str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md"))]


def blocks(page: str) -> list[Block]:
    """The blocks of commands of a page, a path from the root of the repository, in order."""
    return list(parsed(page, (ROOT / page).read_text(encoding="utf-8")))


def parsed(page: str, text: str) -> Iterator[Block]:
    """The blocks of a page that is given as text."""
    lines = text.splitlines()
    heading, mark, why, indent, number = "", "", "", 0, 0
    while number < len(lines):
        line, start = lines[number], number
        if fence := _FENCE.match(line):
            number = _end_of_fence(lines, start)
            if fence["language"] in SHELLS:
                body = _typed(lines[start + 1:number - 1], fence["language"])
                yield Block(page, heading, start + 1, body, mark, why)
        elif _INDENTED.match(line) and _opens(lines, start, indent + 4):
            number = _end_of_indented(lines, start, indent + 4)
            if mark != "no command":
                body = "\n".join(each[indent + 4:] for each in lines[start:number]).rstrip()
                yield Block(page, heading, start + 1, body, mark, why)
        else:
            number += 1
            if found := _MARK.match(line):
                mark, why = found["name"], found["why"] or ""
                continue
            if line.startswith("#"):
                heading, indent = line.lstrip("# "), 0
            elif item := _ITEM.match(line):
                indent = len(item[0])
            elif line.strip() and not line.startswith(" "):
                indent = 0
            if not line.strip():
                continue
        mark = why = ""


def _opens(lines: list[str], start: int, indent: int) -> bool:
    """Whether a line is indented far enough, and goes on with no paragraph."""
    alone = start == 0 or not lines[start - 1].strip() or lines[start - 1].startswith("#")
    return alone and lines[start].startswith(" " * indent)


def _end_of_fence(lines: list[str], start: int) -> int:
    return next(number for number in range(start + 1, len(lines))
                if lines[number].strip() == "```") + 1


def _end_of_indented(lines: list[str], start: int, indent: int) -> int:
    """The first line that is neither empty nor indented far enough."""
    end = start
    while end < len(lines) and (not lines[end].strip() or lines[end].startswith(" " * indent)):
        end += 1
    return end


def _typed(lines: list[str], language: str) -> str:
    """What is typed: of a `console` the lines with a prompt, without their answers."""
    if language != "console":
        return "\n".join(lines)
    return "\n".join(line[2:] for line in lines if line.startswith(("$ ", "> ")))
