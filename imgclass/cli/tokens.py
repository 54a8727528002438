"""Tokens for the stack on this machine: `token`."""
from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from imgclass import settings
from imgclass.cli import output
from imgclass.cli.connection import AsJson


def token(
    email: Annotated[str, typer.Option(help="Whom it is for: one address is one user.")],
    admin: Annotated[bool, typer.Option("--admin", help="Give it the role admin.")] = False,
    hours: Annotated[int, typer.Option(min=1, max=8760, help="For how long it is valid.")] = 12,
    export: Annotated[bool, typer.Option(
        "--export", help="Print a shell's export of TOKEN and USER_ID instead.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print a token for the stack on this machine, for development."""
    from imgclass.tokens import development_token, user_id

    name, _, domain = email.partition("@")
    if not name or not domain or len(email) > 255:
        raise typer.BadParameter(f"{email!r} is not an e-mail address", param_hint="--email")
    try:
        secret = settings.load().development_secret()
    except settings.SettingsError as error:
        output.fail(str(error))
    token = development_token(secret, email, admin, timedelta(hours=hours))
    if as_json:
        output.print_json({"token": token, "user_id": user_id(email)})
        return
    typer.echo(f"export TOKEN={token} USER_ID={user_id(email)}" if export else token)
