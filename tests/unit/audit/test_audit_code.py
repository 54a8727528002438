"""scripts/audit/code_scan.py: findings of bandit, and exceptions to it."""
from __future__ import annotations

import json

import pytest

from scripts.audit.code_scan import check_code, unexplained
from tests.fakes.programs import FakePrograms, printing
from tests.unit.audit.locked_project import LockedProject

MARK = "# nosec"


def programs(results: list[object], errors: list[object]) -> FakePrograms:
    """git, which tracks two modules and a page, and bandit, which reports this."""
    return FakePrograms(
        git=printing("a.py\0tests/b.py\0page.md\0"),
        bandit=printing(json.dumps({"results": results, "errors": errors})))


@pytest.fixture
def project(project: LockedProject) -> LockedProject:
    for name in ("a.py", "tests/b.py", "page.md"):
        project.write(name, "")
    return project


def test_code_but_the_tests_is_scanned(project: LockedProject) -> None:
    """bandit gets the modules that git tracks, without the tests."""
    run = programs([], [])
    assert check_code(project.root, run).passed == "bandit finds nothing in 1 files"
    assert run.commands[-1][-2:] == ["pyproject.toml", "a.py"]


def test_findings(project: LockedProject) -> None:
    """What bandit finds, and files that it cannot read, are findings."""
    run = programs([{"filename": "./a.py", "line_number": 3, "test_id": "B602",
                     "issue_text": "a shell"}],
                   [{"filename": "a.py", "reason": "syntax error"}])
    assert check_code(project.root, run).findings == (
        "a.py: syntax error", "a.py:3 B602 a shell")


def test_bandit_that_fails(project: LockedProject) -> None:
    """A scan that did not happen is no success."""
    run = FakePrograms(git=printing("a.py\0"), bandit=printing("", 2, "no such option"))
    assert check_code(project.root, run).findings == ("bandit failed: no such option",)


@pytest.mark.parametrize("comment", [MARK, f"{MARK} B101", f"{MARK}  # trust me",
                                     f"{MARK} B101,B102", f"{MARK} because"])
def test_exception_without_a_reason(comment: str) -> None:
    """An exception must name the test of bandit and say why."""
    assert len(list(unexplained("a.py", f"import a\nassert a  {comment}\n"))) == 1


@pytest.mark.parametrize("comment", [f"{MARK} B101  # for mypy", f"{MARK} B101, B102  # why",
                                     "# no sec"])
def test_exception_with_a_reason(comment: str) -> None:
    """One that does is accepted."""
    assert list(unexplained("a.py", f"assert a  {comment}\n")) == []
