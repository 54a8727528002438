"""Bring the database and the object store to what the functions need; run again, it finds it done.

The service `setup` of docker-compose.yml. The first step that fails ends it, in that step's words.
Options are those of deploy/minio/setup.py.
"""
from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STEPS = (
    ["deploy/postgres/setup.py"], ["sql/migrate.py"], ["deploy/minio/setup.py", *sys.argv[1:]])

if __name__ == "__main__":
    for script, *options in STEPS:
        status = subprocess.run([sys.executable, str(ROOT / script), *options]).returncode
        if status != 0:
            sys.exit(f"setup: {script} failed")
