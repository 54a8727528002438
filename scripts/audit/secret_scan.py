"""detect-secrets over every tracked file, and over all that the history has added.

What looks like a secret and is none stands in .secrets.baseline, by its SHA-1. The passwords that
tests make up are too many to list: in tests, a value counts for its form and its entropy, not for
being called `password`. Nothing that is found is sent anywhere.
"""
from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from detect_secrets.core.baseline import format_for_output
from detect_secrets.core.potential_secret import PotentialSecret
from detect_secrets.core.scan import scan_diff
from detect_secrets.core.secrets_collection import SecretsCollection
from detect_secrets.settings import default_settings

from scripts.audit.commands import Run, tracked
from scripts.audit.outcome import Outcome
from scripts.audit.requirements import lock_files

BASELINE = ".secrets.baseline"
_BY_NAME = "Secret Keyword"
# The baseline is the only list of exceptions, and API documents are files like any others.
_NO_EXCEPTIONS = (
    "detect_secrets.filters.allowlist.is_line_allowlisted",
    "detect_secrets.filters.heuristic.is_lock_file",
    "detect_secrets.filters.heuristic.is_swagger_file",
)

# A file that was removed is part of the history all the same.
_NO_FILE = "detect_secrets.filters.common.is_invalid_file"

# The kind of a secret and its SHA-1: where it stands may change.
Known = frozenset[tuple[str, str]]


def check_files(root: Path, run: Run) -> Outcome:
    """Scan what git tracks, as it is on the disk."""
    files = _files(root, run)
    known = _known(root)
    findings = [_line(secret) for _, secret in _scan(root, files) if _key(secret) not in known]
    return Outcome("secrets", f"none in {len(files)} files", tuple(findings))


def check_history(root: Path, run: Run) -> Outcome:
    """Scan every line that a commit up to this one added; what was removed is still public."""
    if run(["git", "rev-parse", "--is-shallow-repository"], root).stdout.strip() != "false":
        return Outcome("history", "", unchecked=("secrets in commits that were not cloned",))
    log = run(["git", "log", "--patch", "--unified=0", "--no-color", "--no-ext-diff",
               "--format=commit %H", "--", ".", f":!{BASELINE}"], root)
    known = _known(root)
    with _detectors(_NO_FILE):
        findings = {_line(secret) for secret in scan_diff(log.stdout)
                    if _counts(secret) and _key(secret) not in known}
    commits = sum(line.startswith("commit ") for line in log.stdout.splitlines())
    return Outcome("history", f"no secrets in {commits} commits", tuple(
        f"{line}, in a commit: find it with `git log -S`" for line in sorted(findings)))


def write_baseline(root: Path, run: Run) -> None:
    """Declare all that is found in the files to be no secret."""
    found = SecretsCollection()
    for name, secret in _scan(root, _files(root, run)):
        found[name].add(secret)
    with _detectors():
        baseline = format_for_output(found, is_slim_mode=True)
    (root / BASELINE).write_text(json.dumps(baseline, indent=2) + "\n", encoding="utf-8")


@contextmanager
def _detectors(*without: str) -> Iterator[None]:
    with default_settings() as settings:
        settings.disable_filters(*_NO_EXCEPTIONS, *without)
        yield


def _files(root: Path, run: Run) -> list[str]:
    """All but the locks, of which `check_locks` knows every line, and the baseline itself."""
    known = {BASELINE, *(str(path.relative_to(root)) for path in lock_files(root))}
    return [name for name in tracked(run, root) if name not in known]


def _scan(root: Path, files: Iterable[str]) -> Iterator[tuple[str, PotentialSecret]]:
    collection = SecretsCollection(str(root))
    with _detectors():
        for name in files:
            collection.scan_file(name)
    for name, secret in collection:
        secret.filename = name
        if _counts(secret):
            yield name, secret


def _counts(secret: PotentialSecret) -> bool:
    return secret.type != _BY_NAME or not secret.filename.startswith("tests/")


def _known(root: Path) -> Known:
    try:
        baseline = json.loads((root / BASELINE).read_text("utf-8"))
    except FileNotFoundError:
        return frozenset()
    return frozenset((each["type"], each["hashed_secret"])
                     for some in baseline["results"].values() for each in some)


def _key(secret: PotentialSecret) -> tuple[str, str]:
    return secret.type, secret.secret_hash


def _line(secret: PotentialSecret) -> str:
    """Where it is and of what kind, but not what it is."""
    return f"{secret.filename}:{secret.line_number} looks like a secret ({secret.type})"
