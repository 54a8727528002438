"""pip-audit over every locked release, and whether its database has answered at all.

pip-audit counts a release that its database does not know as skipped, and reports success. A
database that is down, or a mirror without advisories, would look like one that found nothing.
So it is first asked about a release whose advisories are known, and what it skips is reported.
"""
from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

from scripts.audit.commands import Run, module
from scripts.audit.outcome import Outcome
from scripts.audit.requirements import lock_files, read_lock

DATABASES = {"pypi": "PyPI", "osv": "OSV"}
# Four advisories since 2014.
KNOWN_BAD = ("jinja2", "2.4.1")
# Advisories that do not concern this project: their id, and why.
ACCEPTED: Mapping[str, str] = {}

Release = tuple[str, str]


class Unanswered(Exception):
    """The database of advisories gave no answer; the message says why."""


def check_advisories(
    root: Path, run: Run, accepted: Mapping[str, str] = ACCEPTED,
) -> Outcome:
    """Ask the first database that answers about every release in every lock."""
    places: dict[Release, list[str]] = {}
    for path in lock_files(root):
        for pin in read_lock(path):
            places.setdefault((pin.name, pin.version), []).append(str(path.relative_to(root)))
    reasons = []
    for service, title in DATABASES.items():
        try:
            _prove(service, run, root)
            answers = [answer for some in _rounds(places)
                       for answer in _ask(service, some, run, root)]
        except Unanswered as error:
            reasons.append(f"{title}: {error}")
            continue
        return _judge(title, answers, places, accepted)
    return Outcome("advisories", "", unchecked=(
        f"known vulnerabilities of {len(places)} releases ({'; '.join(reasons)})",))


def _prove(service: str, run: Run, root: Path) -> None:
    """Raises Unanswered unless the database knows of the release that has advisories."""
    for answer in _ask(service, [KNOWN_BAD], run, root):
        if answer.get("vulns"):
            return
        if reason := answer.get("skip_reason"):
            raise Unanswered(reason)
    raise Unanswered(f"it knows of no advisory for {' '.join(KNOWN_BAD)}, which has some")


def _rounds(releases: Iterable[Release]) -> list[list[Release]]:
    """pip-audit takes one version of a package at a time; locks for many Pythons have more."""
    versions: dict[str, list[Release]] = {}
    for release in sorted(releases):
        versions.setdefault(release[0], []).append(release)
    return [[release for release in some if release is not None]
            for some in zip_longest(*versions.values())]


def _ask(
    service: str, releases: Iterable[Release], run: Run, root: Path,
) -> list[dict[str, Any]]:
    """What the database says of each release. Raises Unanswered."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        file.writelines(f"{name}=={version}\n" for name, version in releases)
        file.flush()
        finished = run(module(
            "pip_audit", "--vulnerability-service", service, "--requirement", file.name,
            "--disable-pip", "--no-deps", "--format", "json", "--progress-spinner", "off",
            "--desc", "off", "--timeout", "15"), root)
    try:
        answers: list[dict[str, Any]] = json.loads(finished.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        raise Unanswered(finished.last_line) from None
    return answers


def _judge(
    title: str, answers: list[dict[str, Any]], places: Mapping[Release, list[str]],
    accepted: Mapping[str, str],
) -> Outcome:
    findings, skipped, seen = [], [], set()
    for answer in answers:
        if "skip_reason" in answer:
            skipped.append(answer["skip_reason"])
        for vulnerability in answer.get("vulns", ()):
            ids = [vulnerability["id"], *vulnerability.get("aliases", ())]
            if known := accepted.keys() & set(ids):
                seen |= known
                continue
            release = (answer["name"], answer["version"])
            fixed = ", ".join(vulnerability["fix_versions"]) or "no release"
            findings.append(f"{' '.join(release)} has {' '.join(ids)}, fixed by {fixed}; "
                            f"locked in {', '.join(places[release])}")
    findings += [f"{id} is accepted, but no locked release has it"
                 for id in sorted(accepted.keys() - seen)]
    return Outcome("advisories", f"{title} knows of no vulnerability in {len(places)} releases",
                   tuple(findings), tuple(skipped))
