"""docs/configuration.md against the settings it describes."""
from __future__ import annotations

from dataclasses import Field, fields
from pathlib import Path
from typing import Any

import pytest

from common.config import Settings, StoreSettings
from common.environment import REQUIRED
from deploy.minio.setup import SetupSettings
from deploy.postgres.setup import SetupSettings as DatabaseSetupSettings

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


@pytest.mark.parametrize(("heading", "settings"), [
    ("## Setting up the database", DatabaseSetupSettings),
    ("## Setting up the object store", SetupSettings)])
def test_page_lists_what_only_a_setup_takes(heading: str, settings: type[StoreSettings]) -> None:
    """The settings that the functions must not have stand in tables of their own."""
    known = {setting.name for setting in fields(Settings)}
    assert _rows(heading) == [
        _row(setting) for setting in fields(settings) if setting.name not in known]
