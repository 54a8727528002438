"""The default model: built from pinned sources once, then kept."""
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from imgclass.embedded import log_files
from imgclass.embedded.errors import StackError
from imgclass.embedded.layout import Layout

NAME = "efficientnet-lite0"


def archive_path(layout: Layout) -> Path:
    return layout.models / f"{NAME}-v1.zip"


def build(layout: Layout) -> Path:
    """Build the model (about 30 s) unless it is there, and return its archive.

    The builder fetches packages, for which it needs the developer's own environment: proxies,
    certificates, an index of their own. Raises StackError with its last words.
    """
    archive = archive_path(layout)
    if archive.is_file():
        return archive
    fresh = archive.with_name(f"new-{archive.name}")
    log = layout.logs / "model-build.log"
    with log_files.opened(log) as output:
        start = output.tell()
        result = subprocess.run(
            [sys.executable, str(layout.root / "models" / NAME / "build.py"),
             str(layout.models / NAME), "--archive", str(fresh)],
            cwd=layout.root, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            check=False)
    if result.returncode != 0:
        raise StackError(
            f"the default model cannot be built: {log_files.last_words(log, start)} (log: {log})")
    os.replace(fresh, archive)
    return archive
