"""Ways into a running stack."""
from __future__ import annotations

from common.config import Settings
from imgclass.client import Client
from imgclass.embedded import secret_files
from imgclass.embedded.stack import Stack
from imgclass.tokens import development_token, user_id


def token_of(stack: Stack, email: str, admin: bool = False) -> tuple[str, str]:
    """A token of the stack, and the user id it speaks for."""
    secret = secret_files.read(stack.layout.secrets, "jwt-secret")
    return development_token(secret, email, admin), str(user_id(email))


def client_of(stack: Stack, email: str, admin: bool = False) -> Client:
    """A client that talks to the stack through its gateway."""
    return Client(stack.gateway.url, token_of(stack, email, admin)[0])


def settings_of(stack: Stack) -> Settings:
    """The functions' settings, with which a test looks behind the gateway."""
    return Settings.load(stack.functions.environment)
