"""Programs that the audit runs, without running them."""
from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from scripts.audit.commands import Finished

Answer = Callable[[Sequence[str], Path], Finished]


class FakePrograms:
    """Answers each command by the first word of it that is known."""

    def __init__(self, **answers: Answer) -> None:
        self.answers = answers
        self.commands: list[list[str]] = []

    def __call__(self, command: Sequence[str], folder: Path) -> Finished:
        self.commands.append(list(command))
        name = next(name for word in command if (name := Path(word).name) in self.answers)
        return self.answers[name](command, folder)


def printing(text: str, status: int = 0, stderr: str = "") -> Answer:
    """A program that says the same whatever it is asked."""
    return lambda command, folder: Finished(status, text, stderr)


class FakeAdvisories:
    """pip-audit, with one database for each service: answers like the real one, which counts a
    release that its database does not know as skipped, and succeeds."""

    def __init__(self) -> None:
        self.down: set[str] = set()
        self.unknown: set[str] = set()
        self.advisories: dict[tuple[str, str], list[str]] = {
            ("jinja2", "2.4.1"): ["PYSEC-2014-8"]}
        self.asked: list[tuple[str, str, str]] = []

    def __call__(self, command: Sequence[str], folder: Path) -> Finished:
        service = command[command.index("--vulnerability-service") + 1]
        if service in self.down:
            return Finished(1, "", "Traceback ...\nConnectionError: it cannot be reached\n")
        file = Path(command[command.index("--requirement") + 1])
        answers = [self._answer(service, *line.split("=="))
                   for line in file.read_text("utf-8").splitlines()]
        found = any(answer.get("vulns") for answer in answers)
        return Finished(int(found), json.dumps({"dependencies": answers, "fixes": []}))

    def _answer(self, service: str, name: str, version: str) -> dict[str, Any]:
        self.asked.append((service, name, version))
        if name in self.unknown:
            return {"name": name, "skip_reason": f"{name} was not found"}
        return {"name": name, "version": version, "vulns": [
            {"id": id, "aliases": [], "fix_versions": ["9"], "description": ""}
            for id in self.advisories.get((name, version), ())]}
