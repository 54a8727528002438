"""A checkout whose tools for models are short programs of a test."""
from __future__ import annotations

import json
from pathlib import Path

from imgclass.model_tools import ModelTools


class Checkout:
    """A folder that looks like the project's to the command line."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._tools = root / "functions" / "model-admin" / "model_admin" / "authoring"
        self._tools.mkdir(parents=True)
        for folder in (self._tools, self._tools.parent):
            (folder / "__init__.py").touch()

    @property
    def tools(self) -> ModelTools:
        return ModelTools(self.root)

    def write(self, tool: str, code: str) -> None:
        """Make `code` the program of a tool, init or check."""
        (self._tools / f"{tool}.py").write_text(code, encoding="utf-8")

    def answer(self, tool: str, result: object) -> None:
        """Let a tool print `result`, and note its arguments."""
        self.write(tool, f"""
import json, pathlib, sys
pathlib.Path({str(self.root / tool)!r}).write_text(json.dumps(sys.argv[1:]))
print({json.dumps(result)!r})
""")

    def arguments(self, tool: str) -> list[str]:
        """What a tool was called with; it must have been."""
        arguments: list[str] = json.loads((self.root / tool).read_text(encoding="utf-8"))
        return arguments

    def was_called(self, tool: str) -> bool:
        return (self.root / tool).exists()
