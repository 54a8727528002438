"""scripts/install: which Python it takes, and what it says when there is none."""
from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
WORKS = f'exec "{sys.executable}" "$@"'
# What is on PATH may be a stub of a version manager, which runs and fails.
STUB = "echo 'command not found' >&2; exit 127"
TOO_OLD = "exit 3"
WITHOUT_PIP = 'case "$2" in *ensurepip*) exit 4;; *) echo 3.12;; esac'


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose installer only says which Python it was given, and what to install."""
    scripts = tmp_path / "a checkout" / "scripts"
    scripts.mkdir(parents=True)
    shutil.copy(ROOT / "scripts" / "install", scripts)
    (scripts / "install.py").write_text(
        "import os, sys; print(os.environ['CHOSEN'], sys.argv[1:])")
    return scripts.parent


def python(path: Path, body: str) -> str:
    """An executable called like a Python; returns its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\nexport CHOSEN="$0"\n{body}\n')
    path.chmod(0o755)
    return str(path.parent)


def install(checkout: Path, *folders: str, **environment: str) -> tuple[int, str, str]:
    result = subprocess.run(
        [checkout / "scripts" / "install"], text=True, capture_output=True, check=False,
        env={"PATH": ":".join([*folders, "/no such folder", tools(checkout)]), **environment})
    return result.returncode, result.stdout, result.stderr


def tools(checkout: Path) -> str:
    """A folder with what a shell script needs, and no Python."""
    folder = checkout.parent / "tools"
    folder.mkdir(exist_ok=True)
    for name in ("dirname", "echo"):
        path = shutil.which(name)
        assert path is not None
        if not (folder / name).exists():
            (folder / name).symlink_to(path)
    return str(folder)


def test_python3_is_preferred(checkout: Path, tmp_path: Path) -> None:
    """A `python3` that will do is taken before one with a version in its name."""
    first = python(tmp_path / "one" / "python3.12", WORKS)
    second = python(tmp_path / "two" / "python3", WORKS)
    assert install(checkout, first, second) == (
        0, f"{second}/python3 {[str(checkout), 'stack']}\n", "")


@pytest.mark.parametrize("body", [STUB, TOO_OLD, WITHOUT_PIP])
def test_what_does_not_work_is_passed_over(checkout: Path, tmp_path: Path, body: str) -> None:
    """A Python that cannot be used is passed over for one that can, wherever that is."""
    first = python(tmp_path / "one" / "python3", body)
    second = python(tmp_path / "two" / "python3", body)
    third = python(tmp_path / "three" / "python3.11", WORKS)
    assert install(checkout, first, second, third)[1].startswith(f"{third}/python3.11 ")


def test_own_environment_is_kept(checkout: Path, tmp_path: Path) -> None:
    """The Python .venv was made with stays, whatever is on PATH now."""
    python(checkout / ".venv" / "bin" / "python", WORKS)
    other = python(tmp_path / "one" / "python3", WORKS)
    assert install(checkout, other)[1].startswith(f"{checkout}/.venv/bin/python ")


def test_named_python_is_taken(checkout: Path, tmp_path: Path) -> None:
    """PYTHON has the last word."""
    python(checkout / ".venv" / "bin" / "python", WORKS)
    named = python(tmp_path / "own" / "mine", WORKS)
    assert install(checkout, PYTHON=f"{named}/mine")[1].startswith(f"{named}/mine ")


def test_named_python_must_work(checkout: Path, tmp_path: Path) -> None:
    """A PYTHON that will not do is not replaced in silence."""
    folder = python(tmp_path / "one" / "python3", WORKS)
    code, _, said = install(checkout, folder, PYTHON="/no/such/python")
    assert (code, said) == (1, "install: PYTHON=/no/such/python is not a working Python 3.10 to "
                               "3.13: name another, or leave it out\n")


def test_no_python_is_one_line(checkout: Path, tmp_path: Path) -> None:
    """Without any Python the line says what to install."""
    folder = python(tmp_path / "one" / "python3", TOO_OLD)
    code, _, said = install(checkout, folder)
    assert code == 1 and said.count("\n") == 1
    assert "no Python 3.10 to 3.13 on PATH" in said and "apt-get install python3" in said


def test_missing_package_is_named(checkout: Path, tmp_path: Path) -> None:
    """A Python that lacks only what makes environments is named, with the package to install."""
    folder = python(tmp_path / "one" / "python3", WITHOUT_PIP)
    code, _, said = install(checkout, folder)
    assert (code, said) == (1, f"install: {folder}/python3 cannot make virtual environments: "
                               "install python3.12-venv (Debian, Ubuntu: apt-get install "
                               "python3.12-venv)\n")
