"""Whether every lock has hashes and is what `make lock` would write."""
from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from packaging.utils import canonicalize_name

from scripts.audit.commands import Run
from scripts.audit.outcome import Outcome
from scripts.audit.requirements import (
    Pin, UnreadableLock, input_files, lock_files, read_inputs, read_lock,
)

# The resolution that holds all others.
WHOLE = Path("requirements", "dev.txt")


def check_locks(root: Path) -> Outcome:
    """Check without a network: hashes, agreement, and that each *.in is answered by its lock."""
    findings, releases = [], set()
    whole = {(pin.name, pin.version) for pin in read_lock(root / WHOLE)}
    for path in lock_files(root):
        shown = path.relative_to(root)
        try:
            pins = read_lock(path)
        except UnreadableLock as error:
            findings.append(str(error))
            continue
        releases |= {(pin.name, pin.version) for pin in pins}
        findings += [f"{shown}: {reason}" for reason in _flaws(path, pins, whole)]
    findings += [f"{path.relative_to(root)} has no lock" for path in input_files(root)
                 if not path.with_suffix(".txt").exists()]
    return Outcome("locks", f"{len(lock_files(root))} locks with {len(releases)} releases, "
                            "each with hashes", tuple(findings))


def _flaws(path: Path, pins: list[Pin], whole: set[tuple[str, str]]) -> Iterator[str]:
    source = path.with_suffix(".in")
    if not source.exists():
        yield f"there is no {source.name} for it"
        return
    asked = {canonicalize_name(wanted.name): wanted for wanted in read_inputs(source)}
    names = {pin.name for pin in pins}
    for name, wanted in asked.items():
        versions = [pin.version for pin in pins if pin.name == name]
        if not any(wanted.specifier.contains(version, prereleases=True) for version in versions):
            yield f"{source.name} asks for {wanted}, which is not locked: run `make lock`"
    for pin in pins:
        if not pin.hashes:
            yield f"{pin.name} {pin.version} has no hash"
        if (pin.name, pin.version) not in whole:
            yield f"{pin.name} {pin.version} is not in {WHOLE}: run `make lock`"
        if not any(via in names or (via.startswith("-r ") and pin.name in asked)
                   for via in pin.via):
            yield f"nothing asks for {pin.name} {pin.version} any more: run `make lock`"


def check_resolution(root: Path, run: Run) -> Outcome:
    """Run `requirements/lock` on a copy, which moves nothing that still fits, and compare."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for path in (*lock_files(root), *input_files(root), root / "requirements" / "lock"):
            (copy / path.relative_to(root)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy / path.relative_to(root))
        finished = run([str(copy / "requirements" / "lock")], copy)
        changed = [path.relative_to(root) for path in lock_files(root)
                   if (copy / path.relative_to(root)).read_bytes() != path.read_bytes()]
    if "No solution found" in finished.stderr:
        return Outcome("resolution", "", (f"no releases fit: {finished.last_line}",))
    if finished.status != 0:
        return Outcome("resolution", "", unchecked=(
            f"whether the locks are current, for uv failed: {finished.last_line}",))
    return Outcome("resolution", "the locks are what `make lock` writes", tuple(
        f"{path} is not what `make lock` writes" for path in changed))
