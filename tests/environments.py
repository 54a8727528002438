"""Complete settings for tests: nothing is read from the machine the tests run on."""
from __future__ import annotations

from pathlib import Path

from common.config import Settings
from tests.tokens import AUDIENCE, ISSUER, SECRET

# Ports nobody listens on: a test that needs a server says so.
COMPLETE = {
    "POSTGRES_USER": "user", "POSTGRES_PASSWORD": "password", "POSTGRES_DB": "database",
    "POSTGRES_HOST": "127.0.0.1", "POSTGRES_PORT": "1",
    "MINIO_ENDPOINT": "127.0.0.1:1", "MINIO_ACCESS_KEY": "access", "MINIO_SECRET_KEY": "secret",
    "MINIO_BUCKET_NAME": "images",
    "JWT_SECRET": SECRET, "JWT_ISSUER": ISSUER, "JWT_AUDIENCE": AUDIENCE,
}


def environment(**changes: str) -> dict[str, str]:
    """The smallest complete environment, with `changes`; a change to "" unsets the setting."""
    return {**COMPLETE, "SECRETS_DIR": "/nowhere", **changes}


def settings(**changes: str | Path) -> Settings:
    """Settings of the smallest complete environment, with `changes` named as variables."""
    return Settings.load(environment(**{name: str(value) for name, value in changes.items()}))
