"""Refuse settings that are missing, malformed or, in production, too weak: before anything is made
with them.

The service `check` of docker-compose.yml.
"""
from __future__ import annotations

import sys
from dataclasses import dataclass

from common.config import Settings
from common.environment import setting
from common.errors import ConfigurationError


@dataclass(frozen=True)
class DeploymentSettings(Settings):
    """The functions' settings, and the secrets of the servers beside them."""

    postgres_admin_password: str = setting("password of the database's administrator", secret=True)
    minio_root_password: str = setting("secret key of the store's administrator", secret=True)
    grafana_password: str = setting("password of Grafana's administrator", secret=True)

    @property
    def own_secrets(self) -> dict[str, str]:
        """See Settings.own_secrets."""
        return {
            **super().own_secrets,
            "POSTGRES_ADMIN_PASSWORD": self.postgres_admin_password,
            "MINIO_ROOT_PASSWORD": self.minio_root_password,
            "GRAFANA_PASSWORD": self.grafana_password,
        }


if __name__ == "__main__":
    try:
        DeploymentSettings.load()
    except ConfigurationError as error:
        sys.exit(f"check: {error}")
