"""docs/configuration.md against the settings it describes."""
from __future__ import annotations

from dataclasses import Field, fields
from pathlib import Path
from typing import Any

from common.config import REQUIRED, Settings

PAGE = Path(__file__).parents[3] / "docs/configuration.md"


def _row(setting: Field[Any]) -> str:
    default = setting.metadata["default"]
    shown = "*required*" if default is REQUIRED else f"`{default}`" if default else ""
    secret = " Secret." if setting.metadata["secret"] else ""
    return f"| `{setting.name.upper()}` | {shown} | {setting.metadata['help']}.{secret} |"


def test_page_lists_exactly_the_settings() -> None:
    """The table has one row for each setting, in order, with its default and meaning."""
    table = PAGE.read_text("utf-8").split("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    assert rows == [_row(setting) for setting in fields(Settings)]
