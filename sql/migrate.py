"""Bring the database named by POSTGRES_* to the newest schema: `python sql/migrate.py`.

dbmate runs the numbered files of this folder under an advisory lock: two replicas that start
together migrate once.
"""
from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))

from common.config import Settings  # noqa: E402  # the script finds common/ by itself
from common.errors import ConfigurationError  # noqa: E402


def migrate(settings: Settings) -> int:
    """Run every migration that has not run yet; dbmate's exit status, its words on stderr."""
    dbmate = Path(sys.executable).with_name("dbmate")
    return subprocess.run(
        [dbmate, "--migrations-dir", FOLDER, "--no-dump-schema", "--env-file", "/dev/null",
         "--migration-lock", "--wait", "--wait-timeout", "30s", "migrate"],
        env={"DATABASE_URL": _url(settings)}).returncode


def _url(settings: Settings) -> str:
    user, password, name = (
        quote(part, safe="") for part in (
            settings.postgres_user, settings.postgres_password, settings.postgres_db))
    return (f"postgres://{user}:{password}@{settings.postgres_host}:{settings.postgres_port}"
            f"/{name}?sslmode={settings.postgres_sslmode}")


if __name__ == "__main__":
    try:
        sys.exit(migrate(Settings.load()))
    except ConfigurationError as error:
        sys.exit(f"migrate: {error}")
