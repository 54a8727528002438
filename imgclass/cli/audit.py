"""Who did what: `audit`."""
from __future__ import annotations

import json
import uuid
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from imgclass.cli import output
from imgclass.cli.connection import AsJson, Token, Url, connected
from imgclass.cli.filtering import Since, Until

if TYPE_CHECKING:
    from imgclass.results.audit import AuditLine


def audit(
    actor: Annotated[uuid.UUID | None, typer.Option(
        metavar="UUID", help="Only what this user did.")] = None,
    action: Annotated[str | None, typer.Option(
        help="Only this, such as model.activate; with a dot at its end, all that begin so: "
             "login.")] = None,
    subject: Annotated[str | None, typer.Option(
        help="Only what was done to this: a model's version, the id of a picture or a user."
    )] = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 20,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """List who did what, when, from where, newest first (role admin)."""
    with connected(url, token, admin=True) as client:
        found = [*islice(client.audit(actor, action, subject, since, until), limit)]
    if as_json:
        output.print_json(found)
        return
    with output.Rows("when", "who", "from", "did", "to", "detail") as rows:
        for line in found:
            rows.add(*_row(line))


def _row(line: AuditLine) -> tuple[str, ...]:
    detail = json.dumps(line.detail, ensure_ascii=False) if line.detail else "-"
    return (
        output.when(line.at), str(line.actor or "-"), line.remote_address or "-", line.action,
        line.subject, detail)
