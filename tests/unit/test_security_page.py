"""SECURITY.md and docs/licences.md: what they name is there."""
from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("page", ["SECURITY.md", "docs/licences.md"])
def test_links(page: str) -> None:
    """Every defence and every test that the page names is a file of the project."""
    path = ROOT / page
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text("utf-8"))
    assert targets
    assert [target for target in targets if not (path.parent / target).exists()] == []
