"""What the tests of the audit share."""
from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.audit.locked_project import LockedProject


@pytest.fixture
def project(tmp_path: Path) -> LockedProject:
    return LockedProject(tmp_path)
