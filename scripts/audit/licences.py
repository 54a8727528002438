"""The licence of every locked package: read from its metadata, judged, listed in docs/licences.md.
"""
from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from importlib import metadata
from pathlib import Path
from typing import Any, Optional, cast

from license_expression import ExpressionError, get_spdx_licensing

from scripts.audit import licence_policy as policy
from scripts.audit.images import images
from scripts.audit.outcome import Outcome
from scripts.audit.requirements import lock_files, read_lock

PAGE = Path("docs", "licences.md")
HEADING = "## Python packages\n"
_spdx = get_spdx_licensing()


@dataclass(frozen=True)
class Package:
    """A locked package, its licence as an SPDX expression, and what it is locked for."""

    name: str
    licence: str
    used_by: str


def check_licences(root: Path) -> Outcome:
    """Check that each licence is allowed, and that the page lists what the locks hold."""
    packages, findings = _packages(root), list[str]()
    for package in packages:
        findings += judge(package.name, package.licence)
    findings += [f"{name} is an exception in the policy, but not locked" for name in
                 sorted(policy.EXCEPTIONS.keys() - {package.name for package in packages})]
    if (root / PAGE).read_text("utf-8").partition(HEADING)[2] != _table(packages):
        findings.append(f"{PAGE} does not list what is locked: run `make licences`")
    return Outcome("licences", f"those of {len(packages)} packages are allowed", tuple(findings))


def write_page(root: Path) -> None:
    """Replace the list at the end of the page."""
    above = (root / PAGE).read_text("utf-8").partition(HEADING)[0]
    (root / PAGE).write_text(above + HEADING + _table(_packages(root)), encoding="utf-8")


def listed(root: Path) -> dict[str, str]:
    """The licences by package, as the page has them: the same on every machine."""
    below = (root / PAGE).read_text("utf-8").partition(HEADING)[2]
    rows = [line.split(" | ") for line in below.splitlines() if line.startswith("| ")][1:]
    return {row[0].removeprefix("| "): row[1] for row in rows}


def licence_of(name: str, described: Optional[Message]) -> str:
    """The licence that a package's metadata gives, if it gives one that can be understood, as an
    SPDX expression; else an empty string.

    `described` is None for a package that is not installed.
    """
    if name in policy.STATED:
        return policy.STATED[name]
    if described is None:
        return ""
    candidates = [described.get("License-Expression"), described.get("License")]
    candidates += [policy.CLASSIFIERS.get(classifier.split(" :: ")[-1])
                   for classifier in described.get_all("Classifier", ())]
    for text in candidates:
        text = policy.ALIASES.get(text or "", text or "")
        if text and _is_spdx(text):
            return text
    return ""


def judge(name: str, licence: str) -> Iterator[str]:
    """What is wrong with a package having this licence; nothing if it may."""
    if not licence:
        yield f"{name} says its licence in no known form: read it, and state it in the policy"
        return
    excepted = policy.EXCEPTIONS.get(name, ("", ""))[0]
    if _is_allowed(_spdx.parse(licence), policy.ALLOWED):
        if excepted:
            yield f"{name} is an exception in the policy, but needs none"
    elif not _is_allowed(_spdx.parse(licence), policy.ALLOWED | {excepted}):
        yield f"{name} is licensed under {licence}, which the policy does not allow"


def _is_spdx(text: str) -> bool:
    try:
        return not _spdx.unknown_license_keys(text)
    except ExpressionError:
        return False


def _is_allowed(expression: Any, allowed: Iterable[str]) -> bool:
    """One side of an OR is enough, of an AND each counts."""
    if isinstance(expression, _spdx.OR):
        return any(_is_allowed(part, allowed) for part in expression.args)
    if isinstance(expression, _spdx.AND):
        return all(_is_allowed(part, allowed) for part in expression.args)
    return str(expression) in allowed


def _packages(root: Path) -> list[Package]:
    users: dict[str, list[str]] = {}
    for user, lock in _users(root).items():
        for pin in read_lock(lock):
            users.setdefault(pin.name, []).append(user)
    return [Package(name, licence_of(name, _metadata(name)), _shown(users[name]))
            for name in sorted(users)]


def _users(root: Path) -> Mapping[str, Path]:
    """Images first; what they have need not be listed for the laptop as well."""
    found = images(root)
    others = {path.stem: path for path in lock_files(root) if path not in found.values()}
    return {**found, **dict(sorted(others.items(), reverse=True))}


def _shown(users: list[str]) -> str:
    """The images that have a package; of one that none has, what else it is locked for."""
    return ", ".join([user for user in users if user not in ("stack", "dev")] or users[:1])


def _metadata(name: str) -> Optional[Message]:
    try:
        return cast(Message, metadata.metadata(name))
    except metadata.PackageNotFoundError:
        return None


def _table(packages: Iterable[Package]) -> str:
    rows = [f"| {each.name} | {each.licence} | {each.used_by} |" for each in packages]
    return "\n".join(["", "| package | licence | locked for |", "|---|---|---|", *rows, ""])
