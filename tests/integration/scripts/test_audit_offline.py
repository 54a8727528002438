"""The audit of this checkout, without what needs a network."""
from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="needs a checkout of git")
def test_project_passes() -> None:
    """Locks, licences, code and secrets of the project are in order."""
    audit = subprocess.run([sys.executable, "-m", "scripts.audit", "--offline"], cwd=ROOT,
                           capture_output=True, text=True, check=False)
    assert audit.returncode == 0, audit.stdout + audit.stderr
    assert [line.split()[0] for line in audit.stdout.splitlines()] == [
        "locks", "licences", "code", "secrets"]
