"""Which models answer: `models canary`, `shadow`, `rollback`, `deactivate`, `replicas`, `delete`.

All need the role admin.
"""
from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from imgclass.cli import output
from imgclass.cli.connection import AsJson, Token, Url, connected
from imgclass.cli.models import Version

if TYPE_CHECKING:
    from imgclass.results.models import Model
    from imgclass.results.replicas import Replica


def deactivate(
    version: Version, as_json: AsJson = False, url: Url = None, token: Token = None
) -> None:
    """Take a model out of every role. Without an active model nothing is answered."""
    with connected(url, token, admin=True) as client:
        _tell(client.deactivate_model(version), as_json)


def rollback(as_json: AsJson = False, url: Url = None, token: Token = None) -> None:
    """Let the model answer again that did before the active one."""
    with connected(url, token, admin=True) as client:
        _tell(client.roll_back(), as_json)


def canary(
    version: Version,
    percent: Annotated[int, typer.Argument(
        min=0, max=100, help="The share of the users it answers; 0 ends it.")],
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Let a ready model answer a share of the users; each user sees one model."""
    with connected(url, token, admin=True) as client:
        # The service sets both at once.
        current = client.model(version)
        _tell(client.set_traffic(version, percent, current.shadow), as_json)


def shadow(
    version: Version,
    off: Annotated[bool, typer.Option("--off", help="End it.")] = False,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Let a ready model classify what others answer: recorded, never answered."""
    with connected(url, token, admin=True) as client:
        current = client.model(version)
        _tell(client.set_traffic(version, current.canary_percent, not off), as_json)


def delete(
    version: Version,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Remove a model's files for good. Predictions still name it; its version stays taken."""
    if not yes:
        output.confirm(
            f"Delete the files of {output.printable(version)} for good?", "nothing was deleted")
    with connected(url, token, admin=True) as client:
        model = client.delete_model(version)
    if as_json:
        output.print_json(model)
    else:
        typer.echo(f"{model.version} is deleted")


def replicas(
    version: Version, as_json: AsJson = False, url: Url = None, token: Token = None
) -> None:
    """List the predict processes that serve a model."""
    with connected(url, token, admin=True) as client:
        found = client.replicas(version)
    if as_json:
        output.print_json(found)
        return
    with output.Rows("host", "replica", "role", "engine", "seen", "problem") as rows:
        if not found:
            rows.caption = f"no predict process serves {output.printable(version)}"
        for replica in found:
            rows.add(*_row(replica, version))


def _tell(model: Model, as_json: bool) -> None:
    if as_json:
        output.print_json(model)
    else:
        typer.echo(f"{model.version} is {model.role or 'in no role'}")


def _row(replica: Replica, version: str) -> tuple[str, ...]:
    roles = replica.roles(version)
    engines = sorted({served.engine for served in roles.values()})
    return (replica.host, str(replica.replica_id), ", ".join(roles), ", ".join(engines),
            output.when(replica.seen_at), replica.problem or "-")
