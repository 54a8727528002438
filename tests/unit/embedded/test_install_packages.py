"""scripts/install.py: what it checks, what it shows, and what it says when it fails."""
from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[3]


def load() -> ModuleType:
    """The script, as a module."""
    spec = importlib.util.spec_from_file_location("install", ROOT / "scripts" / "install.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


install = load()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A project with two empty locks."""
    root = tmp_path / "a checkout"
    (root / "requirements").mkdir(parents=True)
    for name in ("stack", "dev"):
        (root / "requirements" / f"{name}.txt").touch()
    (root / "pyproject.toml").touch()
    return root


def test_full_disk_is_one_line(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too little room is noticed before anything is downloaded."""
    monkeypatch.setattr(install, "FIRST_INSTALL_BYTES", 10 ** 18)
    with pytest.raises(install.InstallError, match="GB are free at .*: make room for"):
        install.main(checkout, "stack")
    assert not (checkout / ".venv").exists()


def test_colon_in_the_path_is_one_line(tmp_path: Path) -> None:
    """A path that no list of paths can hold is refused."""
    root = tmp_path / "a:b"
    (root / "requirements").mkdir(parents=True)
    (root / "pyproject.toml").touch()
    with pytest.raises(install.InstallError, match="has a colon in it"):
        install.main(root, "stack")


def test_second_installation_is_refused(checkout: Path) -> None:
    """Two installations do not write into one .venv."""
    with install._alone(checkout):
        with pytest.raises(install.InstallError, match="another installation is running"):
            install.main(checkout, "stack")


@pytest.mark.parametrize(("output", "advice"), [
    ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
     "the disk is full: make room"),
    ("WARNING: Retrying ... NewConnectionError('<...>: Failed to establish a new connection')\n"
     "ERROR: Could not find a version that satisfies the requirement x==1 (from versions: none)\n"
     "ERROR: No matching distribution found for x==1",
     "the package index cannot be reached: check the network"),
    ("ERROR: No matching distribution found for tensorflow-cpu==2.21.0",
     "tensorflow-cpu==2.21.0 is not available for this Python and machine"),
    ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.",
     "a package is not the one that was locked"),
    ("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]')): Max retries",
     "the package index has a certificate this machine does not trust"),
    ("Collecting x\nERROR: something new\nbye", "pip failed: ERROR: something new"),
    ("", "pip failed: it said nothing"),
])
def test_failure_is_explained(output: str, advice: str) -> None:
    """What pip prints at length becomes one line that says what to do."""
    assert install.explain(output).startswith(advice)


def test_progress_is_shown_in_tens(capsys: pytest.CaptureFixture[str]) -> None:
    """Away from a terminal every tenth package is named, and the long step at the end."""
    progress = install.Progress(25)
    for number in range(1, 26):
        progress.show(f"Collecting package-{number}==1 (from -r requirements/stack.txt)")
        progress.show("  Downloading package.whl (1 MB)")
    progress.show("Installing collected packages: package-1")
    progress.clear()
    assert capsys.readouterr().out.splitlines() == [
        "install    10/25 package-10", "install    20/25 package-20", "install    unpacking"]


def test_usage_is_told() -> None:
    """Without knowing what to install the script says how to call it."""
    result = subprocess.run(
        [sys.executable, ROOT / "scripts" / "install.py", ROOT, "all"], text=True,
        capture_output=True, check=False)
    assert (result.returncode, result.stderr) == (
        1, "install: usage: scripts/install [stack|dev]\n")
