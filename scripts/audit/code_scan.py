"""bandit over the code, and a reason for each exception to it."""
from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from scripts.audit.commands import Run, module, tracked
from scripts.audit.outcome import Outcome

_EXCEPTION = re.compile(r"#\s*nosec\b")
_EXPLAINED = re.compile(r"#\s*nosec B\d{3}(, ?B\d{3})*  # \S.*")


def check_code(root: Path, run: Run) -> Outcome:
    """Scan all Python but the tests, whose passwords and asserts are their business."""
    files = [name for name in tracked(run, root)
             if name.endswith(".py") and not name.startswith("tests/")]
    finished = run(module("bandit", "--quiet", "--format", "json",
                          "--configfile", "pyproject.toml", *files), root)
    try:
        report = json.loads(finished.stdout)
    except ValueError:
        return Outcome("code", "", (f"bandit failed: {finished.last_line}",))
    findings = [f"{error['filename']}: {error['reason']}" for error in report["errors"]]
    findings += [f"{each['filename'].removeprefix('./')}:{each['line_number']} "
                 f"{each['test_id']} {each['issue_text']}" for each in report["results"]]
    for name in files:
        findings += unexplained(name, (root / name).read_text("utf-8"))
    return Outcome("code", f"bandit finds nothing in {len(files)} files", tuple(findings))


def unexplained(name: str, text: str) -> Iterator[str]:
    """Exceptions that name no test of bandit, or give no reason after it."""
    for number, line in enumerate(text.splitlines(), 1):
        if _EXCEPTION.search(line) and not _EXPLAINED.search(line):
            yield f"{name}:{number} write the test and the reason: # nosec B000  # because ..."
