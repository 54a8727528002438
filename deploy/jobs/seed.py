"""Register a first model and let it answer: `python deploy/jobs/seed.py URL ARCHIVE`.

The service `seed` of docker-compose.yml. `URL` is model-admin's, `ARCHIVE` a model's zip, or
`none`. It does nothing once another model is registered, or this one has been active: what
answers is then somebody's decision.
"""
from __future__ import annotations

import sys
from pathlib import Path

from common.config import Settings
from common.digests import file_sha256
from common.errors import ConfigurationError
from imgclass.client import Client, ClientError
from imgclass.tokens import development_token

EMAIL = "seed@imgclass.invalid"
# A little above the service's own limit for validating a model, so that its verdict is heard.
WAIT_SECONDS = 660.0


class Rejected(Exception):
    """The model did not pass its validation; the message says why."""


def seed(client: Client, archive: Path) -> str:
    """What was done, for the log. Raises ClientError, or Rejected."""
    digest = file_sha256(archive)
    if any(model.digest != digest or model.activated_at for model in client.models()):
        return "there are models already: nothing to do"
    version = client.register_model(archive).version
    model = client.wait_for_model(version, WAIT_SECONDS)
    if model.state != "ready":
        raise Rejected(f"the model {version} was rejected: {model.reason}")
    client.activate_model(version)
    return f"{model.name} {version} is active"


def main(url: str, archive: str) -> str:
    """What was done, for the log. Raises ConfigurationError, ClientError, Rejected or OSError."""
    settings = Settings.load()
    if archive == "none":
        return "no first model is asked for"
    if settings.jwt_algorithm != "HS256":
        return ("tokens are signed elsewhere: register a first model with "
                "`imgclass models push --activate`")
    token = development_token(
        settings.jwt_secret, EMAIL, admin=True, issuer=settings.jwt_issuer,
        audience=settings.jwt_audience)
    with Client(url, token) as client:
        return seed(client, Path(archive))


if __name__ == "__main__":
    try:
        print(f"seed: {main(*sys.argv[1:])}")
    except (ConfigurationError, ClientError, Rejected, OSError) as error:
        sys.exit(f"seed: {error}")
