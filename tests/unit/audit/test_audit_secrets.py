"""scripts/audit/secret_scan.py: keys in files and in the history of a real repository."""
from __future__ import annotations

import subprocess

import pytest

from scripts.audit.commands import run
from scripts.audit.secret_scan import BASELINE, check_files, check_history, write_baseline
from tests.unit.audit.locked_project import LockedProject

# Put together here, so that this file holds none.
KEY = "AKIA" + "QYLPMN5HHHFPZAM2"
PASSWORD = 'password = "' + "hunter" + '2"\n'


@pytest.fixture
def project(project: LockedProject) -> LockedProject:
    git(project, "init", "--quiet")
    return project


def git(project: LockedProject, *arguments: str) -> None:
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@a.example", *arguments],
                   cwd=project.root, check=True, capture_output=True)


def commit(project: LockedProject) -> None:
    git(project, "add", ".")
    git(project, "commit", "--quiet", "--message", "a commit")


def test_key_in_a_file(project: LockedProject) -> None:
    """A key in a tracked file is found and named by its place, not shown."""
    project.write("settings.toml", f'a = 1\nkey = "{KEY}"\n')
    commit(project)
    assert [line for line in check_files(project.root, run).findings if "AWS" in line] == [
        "settings.toml:2 looks like a secret (AWS Access Key)"]


def test_what_git_does_not_track_is_not_scanned(project: LockedProject) -> None:
    """A developer's own secrets beside the project are nobody's business."""
    project.write(".env", f"KEY={KEY}\n")
    assert check_files(project.root, run).findings == ()


def test_passwords(project: LockedProject) -> None:
    """What is merely called a password is found in the code, but not in tests."""
    project.write("tests/a.py", PASSWORD)
    project.write("common/a.py", PASSWORD)
    commit(project)
    assert check_files(project.root, run).findings == (
        "common/a.py:1 looks like a secret (Secret Keyword)",)


def test_no_comment_excepts_a_line(project: LockedProject) -> None:
    """Only the baseline makes exceptions; a comment beside a key does not."""
    project.write("a.py", f'KEY = "{KEY}"  # pragma: allowlist secret\n')
    commit(project)
    assert check_files(project.root, run).findings != ()


def test_baseline(project: LockedProject) -> None:
    """What stands in the baseline is no finding, wherever it moves to; another key is one."""
    path = project.write("a.py", f'KEY = "{KEY}"\n')
    commit(project)
    write_baseline(project.root, run)
    assert KEY not in (project.root / BASELINE).read_text("utf-8")
    path.rename(project.root / "b.py")
    commit(project)
    assert check_files(project.root, run).findings == ()
    project.replace("b.py", KEY, KEY[:-1] + "3")
    assert check_files(project.root, run).findings != ()


def test_history(project: LockedProject) -> None:
    """A key that a later commit took away again is still found."""
    path = project.write("a.py", f'KEY = "{KEY}"\n')
    commit(project)
    path.write_text("", encoding="utf-8")
    commit(project)
    assert check_files(project.root, run).findings == ()
    assert any(line.startswith("a.py:1 looks like a secret (AWS Access Key), in a commit")
               for line in check_history(project.root, run).findings)


def test_clean_history(project: LockedProject) -> None:
    """A history without secrets passes, and its commits are counted."""
    commit(project)
    assert check_history(project.root, run).lines() == ["history    no secrets in 1 commits"]


def test_shallow_clone(project: LockedProject) -> None:
    """A clone without its history is not taken for a clean one."""
    commit(project)
    git(project, "clone", "--quiet", "--depth", "1", f"file://{project.root}", "shallow")
    assert check_history(project.root / "shallow", run).unchecked == (
        "secrets in commits that were not cloned",)
