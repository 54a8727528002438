"""scripts/audit/licences.py: what a package says of its licence, and whether it may have it."""
from __future__ import annotations

from email.message import Message
from typing import Optional

import pytest

from scripts.audit import licence_policy as policy
from scripts.audit.licences import (
    HEADING, PAGE, check_licences, judge, licence_of, listed, write_page,
)
from tests.unit.audit.locked_project import LockedProject, pin


def described(**fields: str) -> Message:
    """The metadata of a package."""
    message = Message()
    for name, text in fields.items():
        message[name.replace("_", "-")] = text
    return message


@pytest.mark.parametrize(("fields", "licence"), [
    ({"License_Expression": "MIT OR Apache-2.0", "License": "GPL"}, "MIT OR Apache-2.0"),
    ({"License": "Apache License 2.0"}, "Apache-2.0"),
    ({"License": "see the file", "Classifier": "License :: OSI Approved :: MIT License"}, "MIT"),
    ({"Classifier": "License :: OSI Approved :: BSD License"}, ""),
    ({"License": "Proprietary"}, ""),
    ({}, "")])
def test_licence_of_a_package(fields: dict[str, str], licence: str) -> None:
    """An SPDX expression goes first, then what can be translated; what cannot is not guessed."""
    assert licence_of("a", described(**fields)) == licence


@pytest.mark.parametrize(("name", "licence"), [("colorama", "BSD-3-Clause"), ("a", "")])
def test_package_that_is_not_installed(name: str, licence: str) -> None:
    """Of a package for other systems, only the policy can say it."""
    nothing: Optional[Message] = None
    assert licence_of(name, nothing) == licence


@pytest.mark.parametrize("licence", [
    "MIT", "MIT OR GPL-3.0-only", "MIT AND Apache-2.0", "(MIT OR GPL-3.0-only) AND ISC"])
def test_allowed(licence: str) -> None:
    """One side of an OR may be chosen; of an AND, each must be allowed."""
    assert list(judge("a", licence)) == []


@pytest.mark.parametrize("licence", [
    "GPL-3.0-only", "MIT AND GPL-3.0-only", "AGPL-3.0-only OR GPL-3.0-only", "MPL-2.0",
    "GPL-2.0-only WITH Classpath-exception-2.0"])
def test_forbidden(licence: str) -> None:
    """A licence that the policy does not name is a finding."""
    assert list(judge("a", licence)) == [
        f"a is licensed under {licence}, which the policy does not allow"]


def test_exceptions() -> None:
    """An exception holds for one package and one licence, and must be needed."""
    assert list(judge("certifi", "MPL-2.0")) == []
    assert len(list(judge("certifi", "GPL-3.0-only"))) == 1
    assert list(judge("certifi", "MIT")) == [
        "certifi is an exception in the policy, but needs none"]


def test_unreadable_licence() -> None:
    """A package whose licence nobody can tell is a finding."""
    assert list(judge("a", "")) == [
        "a says its licence in no known form: read it, and state it in the policy"]


def test_page(project: LockedProject) -> None:
    """The page lists what is locked, with what it is for; a change of the lock makes it stale."""
    project.write("requirements/stack.in", "\n".join(policy.EXCEPTIONS))
    project.write("requirements/stack.txt", "".join(
        pin(name, "1", "-r stack.in") for name in policy.EXCEPTIONS))
    project.write(str(PAGE), f"# Licences\n\nBy hand.\n\n{HEADING}")
    stale = (f"{PAGE} does not list what is locked: run `make licences`",)
    assert check_licences(project.root).findings == stale

    write_page(project.root)
    page = (project.root / PAGE).read_text("utf-8")
    assert page.startswith("# Licences\n\nBy hand.\n\n")
    assert "| flask | BSD-3-Clause | history |\n" in page
    assert "| certifi | MPL-2.0 | stack |\n" in page
    assert "| pytest | MIT | dev |\n" in page
    assert listed(project.root)["jinja2"] == "BSD-3-Clause"
    assert check_licences(project.root).findings == ()

    project.replace("functions/history/requirements.txt", pin("jinja2", "3.1.6", "flask"), "")
    assert check_licences(project.root).findings == stale
