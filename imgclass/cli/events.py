"""Pictures put into the bucket: `events list`, `show`, `retry` and `completeness`."""
from __future__ import annotations

import uuid
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from imgclass.cli import output
from imgclass.cli.connection import AsJson, Token, Url, connected
from imgclass.cli.exits import Exit

if TYPE_CHECKING:
    from imgclass.results.events import Completeness, EventDetail

Id = Annotated[uuid.UUID, typer.Argument(metavar="ID", help="The event, as `list` shows it.")]
Fault = Annotated[str | None, typer.Option(
    help="Only those given up for this: gone, not_a_picture, too_large, unknown_user, "
         "exhausted.")]
User = Annotated[uuid.UUID | None, typer.Option(
    "--user", metavar="UUID", help="Only this user's.")]

app = typer.Typer(
    help="Pictures put into the bucket, and what became of them (role admin).",
    no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_events(
    state: Annotated[str | None, typer.Option(
        help="Only those that are pending, classified, done, superseded, dead or erased.")
    ] = None,
    fault: Fault = None,
    user_id: User = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 20,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """List events, newest first."""
    with connected(url, token, admin=True) as client:
        found = [*islice(client.events(state, fault, user_id), limit)]
    if as_json:
        output.print_json(found)
        return
    columns = "received", "state", "fault", "attempts", "object", "event"
    with output.Rows(*columns, numbers=("attempts",)) as rows:
        for each in found:
            rows.add(
                output.when(each.received_at), each.state, each.fault or "-",
                str(each.attempts), each.object_key, str(each.event_id))


@app.command()
def show(event_id: Id, as_json: AsJson = False, url: Url = None, token: Token = None) -> None:
    """Show all that is known of an event."""
    with connected(url, token, admin=True) as client:
        event = client.event(event_id)
    if as_json:
        output.print_json(event)
        return
    output.print_fields(_facts(event))


@app.command()
def retry(
    event_id: Annotated[uuid.UUID | None, typer.Argument(
        metavar="ID", help="The event, as `list` shows it.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Retry every dead event.")] = False,
    fault: Fault = None,
    user_id: User = None,
    limit: Annotated[int | None, typer.Option(
        min=1, help="At most so many, the oldest first.")] = None,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Have a dead event worked on again, or with --all every one that is chosen."""
    if every == (event_id is not None):
        raise typer.BadParameter("name one event, or give --all", param_hint="ID")
    if not every and (fault, user_id, limit) != (None, None, None):
        raise typer.BadParameter("it needs --all", param_hint="--fault, --user, --limit")
    with connected(url, token, admin=True) as client:
        if event_id is None:
            retried = client.retry_events(fault, user_id, limit)
            if as_json:
                output.print_json({"retried": retried})
            else:
                typer.echo(f"{retried} dead events are worked on again")
            return
        event = client.retry_event(event_id)
    if as_json:
        output.print_json(event)
    else:
        typer.echo(f"{event.event_id} is {event.state}")


@app.command()
def completeness(as_json: AsJson = False, url: Url = None, token: Token = None) -> None:
    """Count what became of everything ever put into the bucket.

    Exits with 1 while something waits or is not announced, and if the counts do not add up.
    """
    with connected(url, token, admin=True) as client, output.spinner("counting"):
        found = client.completeness()
    if as_json:
        output.print_json(found)
    else:
        with output.Rows("objects", "count", numbers=("count",)) as rows:
            for name, count in _counts(found):
                rows.add(name, str(count))
    for name, count in found.differences.items():
        output.complain(f"it does not add up: {count} {name.replace('_', ' ')}")
    if not found.complete:
        output.complain(f"{found.pending + found.unannounced} are still to be classified")
    if not found.complete or not found.adds_up:
        raise typer.Exit(Exit.FAILED)


def _counts(found: Completeness) -> Iterator[tuple[str, int]]:
    yield "seen", found.seen
    yield "classified", found.classified
    yield "superseded", found.superseded
    yield "pending", found.pending
    yield "dead", found.dead
    yield "erased", found.erased
    yield "unannounced", found.unannounced
    yield "lying in the bucket", found.uploads


def _facts(event: EventDetail) -> Iterator[tuple[str, str]]:
    yield "event", str(event.event_id)
    yield "bucket", event.bucket
    yield "object", event.object_key
    yield "owner", str(event.user_id or "-")
    yield "state", event.state
    if event.fault:
        yield "fault", event.fault
    if event.reason:
        yield "reason", event.reason
    yield "attempts", str(event.attempts)
    if event.state == "pending":
        yield "due", output.when(event.due_at)
    if event.prediction_id:
        yield "prediction", str(event.prediction_id)
    yield "announced by", event.announced_by
    yield "received", output.when(event.received_at)
    if event.finished_at:
        yield "finished", output.when(event.finished_at)
    yield "bytes", "-" if event.size_bytes is None else str(event.size_bytes)
    for name, value in (("ETag", event.etag), ("sequencer", event.sequencer),
                        ("version", event.version_id)):
        if value:
            yield name, value
    for name, instant in (("written", event.written_at), ("modified", event.object_modified)):
        if instant:
            yield name, output.when(instant)
