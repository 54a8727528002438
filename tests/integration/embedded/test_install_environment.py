"""scripts/install.py, for real: a virtual environment with a project in it."""
from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
# A project that needs no package, and whose backend installs one file.
PYPROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
BACKEND = '''
import zipfile
METADATA = "Metadata-Version: 2.1\\nName: project\\nVersion: 1\\n"
def build_editable(folder, config_settings=None, metadata_directory=None):
    with zipfile.ZipFile(folder + "/project-1-py3-none-any.whl", "w") as file:
        file.writestr("project.py", "")
        file.writestr("project-1.dist-info/METADATA", METADATA)
        file.writestr("project-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\n"
                      "Tag: py3-none-any\\n")
        file.writestr("project-1.dist-info/RECORD", "")
    return "project-1-py3-none-any.whl"
'''


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A project with two empty locks."""
    root = tmp_path / "a checkout"
    (root / "requirements").mkdir(parents=True)
    for name in ("stack", "dev"):
        (root / "requirements" / f"{name}.txt").touch()
    (root / "pyproject.toml").write_text(PYPROJECT)
    (root / "backend.py").write_text(BACKEND)
    return root


def install(root: Path, lock: str) -> tuple[int, str]:
    """Exit code and output."""
    result = subprocess.run(
        [sys.executable, ROOT / "scripts" / "install.py", root, lock], text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return result.returncode, result.stdout


def test_installation_is_made_once(checkout: Path) -> None:
    """The first run makes .venv with the project in it, the second does nothing."""
    code, said = install(checkout, "dev")
    assert (code, "finished" in said) == (0, True)
    python = checkout / ".venv" / "bin" / "python"
    subprocess.run([python, "-c", "import project"], check=True)
    assert install(checkout, "dev") == (0, "")
    assert install(checkout, "stack") == (0, "")  # is a part of dev


def test_installation_is_repeated_when_it_must(checkout: Path) -> None:
    """A failed run does not count, a changed lock is installed, a moved checkout anew."""
    lock = checkout / "requirements" / "stack.txt"
    lock.write_text("no requirement at all\n")
    code, said = install(checkout, "stack")
    assert (code, said.splitlines()[-1].startswith("install: pip failed: ")) == (1, True)
    lock.write_text("# changed\n")
    assert "finished" in install(checkout, "stack")[1]
    moved = checkout.rename(checkout.with_name("moved"))
    assert "finished" in install(moved, "stack")[1]
    assert str(moved) in (moved / ".venv" / "bin" / "pip").read_text()
