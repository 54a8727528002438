"""The images, each with the lock that it installs."""
from __future__ import annotations

from pathlib import Path

from scripts.audit.requirements import lock_files


def images(root: Path) -> dict[str, Path]:
    """Locks by the name of the image: the functions', and that of the jobs beside them.

    A function may have several: functions/predict/requirements-tensorflow.txt is that of the
    image predict-tensorflow.
    """
    found = {}
    for path in lock_files(root):
        if path.parent.parent.name == "functions":
            found[path.parent.name + path.stem.removeprefix("requirements")] = path
        elif path.stem == "jobs":
            found[path.stem] = path
    return found
