"""docs/configuration.md against the settings it describes."""
from __future__ import annotations

from dataclasses import Field, fields
from pathlib import Path
from typing import Any

from common.config import REQUIRED, Settings
from deploy.minio.setup import SetupSettings

PAGE = Path(__file__).parents[3] / "docs/configuration.md"


def _row(setting: Field[Any]) -> str:
    default = setting.metadata["default"]
    shown = "*required*" if default is REQUIRED else f"`{default}`" if default else ""
    secret = " Secret." if setting.metadata["secret"] else ""
    return f"| `{setting.name.upper()}` | {shown} | {setting.metadata['help']}.{secret} |"


def _rows(heading: str) -> list[str]:
    """The rows of the first table below a heading."""
    below = PAGE.read_text("utf-8").split(f"{heading}\n\n")[1]
    table = below[below.index("| variable |"):].split("\n\n")[0]
    return [line for line in table.splitlines() if line.startswith("| `")]


def test_page_lists_exactly_the_settings() -> None:
    """The table has one row for each setting, in order, with its default and meaning."""
    assert _rows("# Configuration") == [_row(setting) for setting in fields(Settings)]


def test_page_lists_what_only_the_setup_takes() -> None:
    """The settings that the functions must not have stand in a table of their own."""
    known = {setting.name for setting in fields(Settings)}
    assert _rows("## Setting up the object store") == [
        _row(setting) for setting in fields(SetupSettings) if setting.name not in known]
