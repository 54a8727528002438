"""Which service a command talks to, and as whom."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from imgclass import settings
from imgclass.cli import output
from imgclass.cli.exits import code_of
from imgclass.errors import (
    ClientError, InvalidToken, MissingToken, NoAnswer, ProblemError)

if TYPE_CHECKING:
    from imgclass.client import Client

Url = Annotated[str | None, typer.Option(
    "--url", metavar="URL",
    help="The service's address; else IMGCLASS_URL, else the stack on this machine.")]
Token = Annotated[str | None, typer.Option(
    "--token", metavar="JWT",
    help="Who you are; else IMGCLASS_TOKEN, else a development token for the local stack.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else.")]


@contextmanager
def connected(url: str | None, token: str | None, admin: bool = False) -> Iterator[Client]:
    """A client; what keeps it from its work ends the command with one line on stderr.

    `admin` asks for that role where the token is made here.
    """
    # The HTTP library takes longer to load than all the rest.
    from imgclass.client import Client

    try:
        local = settings.load()
        url = url or local.api_url
        with Client(url, credentials(local, url, token, admin)) as client:
            yield client
    except ClientError as error:
        output.fail(f"{error}{_advice(error)}", code_of(error))
    except settings.SettingsError as error:
        output.fail(str(error))


def is_here(local: settings.Settings, url: str) -> bool:
    """Whether an address leads to this machine. Raises ClientError for what is no address."""
    from imgclass import transport

    return transport.parse_url(url).host in {*transport.LOCAL_HOSTS, local.api_host}


def credentials(local: settings.Settings, url: str, token: str | None, admin: bool) -> str:
    """The token that is given or set, else one for the stack on this machine.

    Raises MissingToken, or ClientError for what is no address.
    """
    return token or local.token or _local_token(local, url, admin)


def _local_token(local: settings.Settings, url: str, admin: bool) -> str:
    """A token signed with the local stack's secret, which no other machine is to see."""
    from imgclass.tokens import development_token

    if not is_here(local, url):
        raise MissingToken(f"no token for {url}: give --token or set IMGCLASS_TOKEN")
    try:
        secret = local.development_secret()
    except settings.SettingsError as error:
        raise MissingToken(
            f"no token: give --token or set IMGCLASS_TOKEN ({error})") from error
    return development_token(secret, settings.DEVELOPMENT_EMAIL, admin)


def _advice(error: ClientError) -> str:
    """What to do about an error that does not say it itself."""
    if isinstance(error, InvalidToken) or isinstance(error, ProblemError) and error.status == 401:
        return ": give another with --token or IMGCLASS_TOKEN"
    return ": `imgclass doctor` looks for what is wrong" if isinstance(error, NoAnswer) else ""
