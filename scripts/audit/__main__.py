"""python -m scripts.audit [--offline]: run every check, or only those that need no network.

Ends with 1 if anything was found, with 3 if nothing was found but something could not be checked.

--write-licences, --write-secrets and --write-sboms write docs/licences.md, .secrets.baseline and
build/sbom/ instead.
"""
from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from scripts.audit.advisories import check_advisories
from scripts.audit.code_scan import check_code
from scripts.audit.commands import run
from scripts.audit.licences import check_licences, write_page
from scripts.audit.locks import check_locks, check_resolution
from scripts.audit.outcome import CLEAN, Outcome, exit_status
from scripts.audit.sbom import write_sboms
from scripts.audit.secret_scan import check_files, check_history, write_baseline

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.audit")
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--offline", action="store_true", help="only what needs no network")
    action.add_argument("--write-licences", action="store_true", help="write docs/licences.md")
    action.add_argument("--write-secrets", action="store_true",
                        help="declare all that looks like a secret now to be none")
    action.add_argument("--write-sboms", action="store_true", help="write build/sbom/")
    chosen = parser.parse_args()
    if chosen.write_licences:
        write_page(ROOT)
    elif chosen.write_secrets:
        write_baseline(ROOT, run)
    elif chosen.write_sboms:
        for path in write_sboms(ROOT):
            print(f"sbom       {path.relative_to(ROOT)}")
    else:
        return _report(_checks(offline=chosen.offline))
    return CLEAN


def _checks(offline: bool) -> Iterator[Callable[[], Outcome]]:
    yield lambda: check_locks(ROOT)
    yield lambda: check_licences(ROOT)
    yield lambda: check_code(ROOT, run)
    yield lambda: check_files(ROOT, run)
    if not offline:
        yield lambda: check_history(ROOT, run)
        yield lambda: check_resolution(ROOT, run)
        yield lambda: check_advisories(ROOT, run)


def _report(checks: Iterator[Callable[[], Outcome]]) -> int:
    outcomes = []
    for check in checks:
        outcomes.append(check())
        print("\n".join(outcomes[-1].lines()), flush=True)
    return exit_status(outcomes)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except OSError as error:  # git is missing, or this is no checkout of it
        sys.exit(f"audit: {error}")
