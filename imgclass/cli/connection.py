"""Which service a command talks to, and as whom."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from imgclass import settings
from imgclass.cli import output
from imgclass.errors import ClientError, ProblemError

if TYPE_CHECKING:
    from imgclass.client import Client

Url = Annotated[str | None, typer.Option(
    "--url", metavar="URL",
    help="The service's address; else IMGCLASS_URL, else the stack on this machine.")]
Token = Annotated[str | None, typer.Option(
    "--token", metavar="JWT",
    help="Who you are; else IMGCLASS_TOKEN, else a development token for the local stack.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


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
        token = token or local.token or _local_token(local, url, admin)
        with Client(url, token) as client:
            yield client
    except ProblemError as error:
        hint = ": give another with --token or IMGCLASS_TOKEN" if error.status == 401 else ""
        output.fail(f"{error}{hint}")
    except (ClientError, settings.SettingsError) as error:
        output.fail(str(error))


def _local_token(local: settings.Settings, url: str, admin: bool) -> str:
    """A token signed with the local stack's secret, which no other machine is to see."""
    from imgclass import transport
    from imgclass.tokens import development_token

    host = transport.parse_url(url).host
    if host not in {*transport.LOCAL_HOSTS, local.api_host}:
        output.fail(f"no token for {url}: give --token or set IMGCLASS_TOKEN")
    try:
        secret = local.development_secret()
    except settings.SettingsError as error:
        output.fail(f"no token: give --token or set IMGCLASS_TOKEN ({error})")
    return development_token(secret, settings.DEVELOPMENT_EMAIL, admin)
