"""The first model, registered as anybody would: through the gateway, with a token."""
from __future__ import annotations

from pathlib import Path

from imgclass.client import Client, ClientError, Prediction
from imgclass.embedded.errors import StackError
from imgclass.settings import DEVELOPMENT_EMAIL
from imgclass.tokens import development_token

VALIDATION_SECONDS = 660


def has_active_model(url: str, secret: str) -> bool:
    """Whether the service has a model to answer with. Raises StackError when it does not say."""
    try:
        with _client(url, secret, admin=True) as client:
            return any(model.is_active for model in client.models())
    except ClientError as error:
        raise StackError(f"the models cannot be listed: {error}") from None


def register(url: str, secret: str, archive: Path) -> str:
    """Register the model in `archive`, activate it, and return its version.

    Raises StackError when the service refuses it, with its reason.
    """
    try:
        with _client(url, secret, admin=True) as client:
            model = client.wait_for_model(
                client.register_model(archive).version, VALIDATION_SECONDS)
            if model.state != "ready":
                raise StackError(
                    f"the model {model.version} was rejected: {model.report.get('reason')}")
            client.activate_model(model.version)
            return model.version
    except (ClientError, OSError) as error:
        raise StackError(f"the default model cannot be registered: {error}") from None


def classify(url: str, secret: str, picture: Path) -> Prediction:
    """What the service says of a picture. Raises StackError when it says nothing."""
    try:
        with _client(url, secret) as client:
            return client.predict(picture)
    except (ClientError, OSError) as error:
        raise StackError(f"{picture.name} cannot be classified: {error}") from None


def _client(url: str, secret: str, admin: bool = False) -> Client:
    return Client(url, development_token(secret, DEVELOPMENT_EMAIL, admin=admin))
