"""A project that has nothing but requirements, for tests of the audit."""
from __future__ import annotations

from pathlib import Path

DIGEST = "0" * 64


def pin(name: str, version: str, *via: str, marker: str = "", hashed: bool = True) -> str:
    """One release of a lock, as uv writes it."""
    asks = "".join(f"\n    #   {reason}" for reason in via)
    return (f"{name}=={version}{f' ; {marker}' if marker else ''}"
            + (f" \\\n    --hash=sha256:{DIGEST}" if hashed else "") + f"\n    # via{asks}\n")


class LockedProject:
    """history asks for flask; the whole adds pytest, whose version depends on Python's."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.write("functions/history/requirements.in", "flask  # the web\n")
        self.write("functions/history/requirements.txt", "# made by make lock\n"
                   + pin("flask", "3.1.3", "-c requirements/dev.txt", "-r requirements.in")
                   + pin("jinja2", "3.1.6", "flask"))
        self.write("requirements/dev.in", "-r ../functions/history/requirements.in\npytest>=8\n")
        self.write("requirements/dev.txt",
                   pin("flask", "3.1.3", "-r requirements.in") + pin("jinja2", "3.1.6", "flask")
                   + pin("pytest", "8.4", "-r dev.in", marker="python_full_version < '3.11'")
                   + pin("pytest", "9.0", "-r dev.in", marker="python_full_version >= '3.11'"))

    def write(self, name: str, text: str) -> Path:
        """Write a file of the project, with the folders it needs."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def replace(self, name: str, old: str, new: str) -> None:
        """Change a file, which must contain what is replaced."""
        path = self.root / name
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
