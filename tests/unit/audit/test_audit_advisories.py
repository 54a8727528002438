"""scripts/audit/advisories.py: vulnerabilities, and databases that know nothing of any."""
from __future__ import annotations

from collections.abc import Mapping

import pytest

from scripts.audit.advisories import check_advisories
from scripts.audit.outcome import Outcome
from tests.fakes.programs import FakeAdvisories, FakePrograms
from tests.unit.audit.locked_project import LockedProject


@pytest.fixture
def databases() -> FakeAdvisories:
    return FakeAdvisories()


def check(
    project: LockedProject, databases: FakeAdvisories, accepted: Mapping[str, str] = {},
) -> Outcome:
    return check_advisories(project.root, FakePrograms(pip_audit=databases), accepted)


def test_nothing_known(project: LockedProject, databases: FakeAdvisories) -> None:
    """Each locked release is asked about once, also the versions for other Pythons."""
    assert check(project, databases).lines() == [
        "advisories PyPI knows of no vulnerability in 4 releases"]
    assert databases.asked[0] == ("pypi", "jinja2", "2.4.1")
    assert sorted(databases.asked[1:]) == [
        ("pypi", "flask", "3.1.3"), ("pypi", "jinja2", "3.1.6"), ("pypi", "pytest", "8.4"),
        ("pypi", "pytest", "9.0")]


def test_vulnerability(project: LockedProject, databases: FakeAdvisories) -> None:
    """A release with an advisory is a finding that says where it is locked and what fixes it."""
    databases.advisories["jinja2", "3.1.6"] = ["PYSEC-2030-1"]
    assert check(project, databases).findings == (
        "jinja2 3.1.6 has PYSEC-2030-1, fixed by 9; locked in "
        "functions/history/requirements.txt, requirements/dev.txt",)


def test_accepted(project: LockedProject, databases: FakeAdvisories) -> None:
    """An advisory that was accepted is no finding, until no release has it any more."""
    accepted = {"PYSEC-2030-1": "the filter is not used"}
    databases.advisories["jinja2", "3.1.6"] = ["PYSEC-2030-1"]
    assert check(project, databases, accepted).findings == ()
    del databases.advisories["jinja2", "3.1.6"]
    assert check(project, databases, accepted).findings == (
        "PYSEC-2030-1 is accepted, but no locked release has it",)


def test_second_database(project: LockedProject, databases: FakeAdvisories) -> None:
    """If one database cannot be reached, the other one is asked."""
    databases.down = {"pypi"}
    databases.advisories["flask", "3.1.3"] = ["GHSA-1"]
    assert [line[:24] for line in check(project, databases).findings] == [
        "flask 3.1.3 has GHSA-1, "]


def test_no_database(project: LockedProject, databases: FakeAdvisories) -> None:
    """If none can be reached, that is said, and is no success."""
    databases.down = {"pypi", "osv"}
    assert check(project, databases).lines() == [
        "advisories not checked: known vulnerabilities of 4 releases "
        "(PyPI: ConnectionError: it cannot be reached; "
        "OSV: ConnectionError: it cannot be reached)"]


def test_database_without_advisories(project: LockedProject, databases: FakeAdvisories) -> None:
    """A mirror that has no advisory even for a release full of holes is not believed."""
    databases.advisories.clear()
    outcome = check(project, databases)
    assert outcome.findings == () and len(outcome.unchecked) == 1
    assert "PyPI: it knows of no advisory for jinja2 2.4.1, which has some" in outcome.unchecked[0]


def test_database_without_releases(project: LockedProject, databases: FakeAdvisories) -> None:
    """A mirror that finds no release, which pip-audit skips in silence, is not believed."""
    databases.unknown = {"jinja2", "flask", "pytest"}
    outcome = check(project, databases)
    assert "PyPI: jinja2 was not found" in outcome.unchecked[0]


def test_unknown_release(project: LockedProject, databases: FakeAdvisories) -> None:
    """A single release that the database does not know was not checked, and that is said."""
    databases.unknown = {"flask"}
    assert check(project, databases).lines() == [
        "advisories not checked: flask was not found"]
