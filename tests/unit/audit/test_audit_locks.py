"""scripts/audit/locks.py: locks that have hashes, agree, and answer what is asked for."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from scripts.audit.commands import Finished
from scripts.audit.locks import check_locks, check_resolution
from tests.fakes.programs import FakePrograms, printing
from tests.unit.audit.locked_project import LockedProject, pin

HISTORY = "functions/history/requirements"


def test_good_locks(project: LockedProject) -> None:
    """Locks with hashes that hold what is asked for pass, and are counted."""
    outcome = check_locks(project.root)
    assert outcome.findings == ()
    assert outcome.passed == "2 locks with 4 releases, each with hashes"


@pytest.mark.parametrize(("old", "new", "finding"), [
    (pin("jinja2", "3.1.6", "flask"), pin("jinja2", "3.1.6", "flask", hashed=False),
     f"{HISTORY}.txt: jinja2 3.1.6 has no hash"),
    ("jinja2==3.1.6", "jinja2==3.1.5",
     f"{HISTORY}.txt: jinja2 3.1.5 is not in requirements/dev.txt: run `make lock`"),
    ("#   flask", "#   django",
     f"{HISTORY}.txt: nothing asks for jinja2 3.1.6 any more: run `make lock`"),
    ("jinja2==3.1.6", "jinja2>=3.1.6",
     "requirements.txt:7 is not a locked release: jinja2>=3.1.6 \\"),
    ("jinja2==3.1.6", "jinja2 @ https://a.example/jinja2.whl",
     "requirements.txt:7 is not a locked release: jinja2 @ https://a.example/jinja2.whl \\"),
    ("# made by make lock", "--extra-index-url https://a.example/simple",
     "requirements.txt:1 is not a locked release: --extra-index-url https://a.example/simple"),
])
def test_bad_lock(project: LockedProject, old: str, new: str, finding: str) -> None:
    """A lock without a hash, apart from the others, or with anything but releases is found."""
    project.replace(f"{HISTORY}.txt", old, new)
    assert check_locks(project.root).findings == (finding,)


@pytest.mark.parametrize(("asked", "finding"), [
    ("flask\ngunicorn\n", "requirements.in asks for gunicorn, which is not locked"),
    ("flask>=4\n", "requirements.in asks for flask>=4, which is not locked"),
    ("jinja2\n", "nothing asks for flask 3.1.3 any more")])
def test_changed_input(project: LockedProject, asked: str, finding: str) -> None:
    """A requirements.in that was changed without `make lock` is found, without a network."""
    project.write(f"{HISTORY}.in", asked)
    assert f"{HISTORY}.txt: {finding}: run `make lock`" in check_locks(project.root).findings


def test_input_without_lock(project: LockedProject) -> None:
    """Requirements that nobody locked are found, and so is a lock that nothing asks for."""
    project.write("functions/predict/requirements.in", "pillow\n")
    project.write("requirements/old.txt", "")
    assert check_locks(project.root).findings == (
        "requirements/old.txt: there is no old.in for it",
        "functions/predict/requirements.in has no lock")


def relock(command: Sequence[str], folder: Path) -> Finished:
    lock = folder / f"{HISTORY}.txt"
    lock.write_text(lock.read_text("utf-8") + pin("new", "1", "flask"), encoding="utf-8")
    return Finished(0, "")


def test_other_resolution(project: LockedProject) -> None:
    """A lock that `make lock` would write otherwise is found, and stays as it was."""
    project.write("requirements/lock", "")
    before = (project.root / f"{HISTORY}.txt").read_bytes()
    outcome = check_resolution(project.root, FakePrograms(lock=relock))
    assert outcome.findings == (f"{HISTORY}.txt is not what `make lock` writes",)
    assert (project.root / f"{HISTORY}.txt").read_bytes() == before


def test_same_resolution(project: LockedProject) -> None:
    """Locks that `make lock` would leave alone pass."""
    project.write("requirements/lock", "")
    outcome = check_resolution(project.root, FakePrograms(lock=printing("")))
    assert outcome.lines() == ["resolution the locks are what `make lock` writes"]


def test_index_that_cannot_be_reached(project: LockedProject) -> None:
    """Without an index nobody knows whether the locks are current, and that is said."""
    project.write("requirements/lock", "")
    outcome = check_resolution(project.root, FakePrograms(
        lock=printing("", 2, "error: Request failed\n  Caused by: dns error\n")))
    assert outcome.findings == ()
    assert outcome.unchecked == (
        "whether the locks are current, for uv failed: Caused by: dns error",)


def test_requirements_that_do_not_fit(project: LockedProject) -> None:
    """Requirements that no releases satisfy are a finding, not an outage."""
    project.write("requirements/lock", "")
    outcome = check_resolution(project.root, FakePrograms(lock=printing(
        "", 1, "No solution found when resolving dependencies:\nflask wants jinja2>4\n")))
    assert outcome.findings == ("no releases fit: flask wants jinja2>4",)
