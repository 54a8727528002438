"""Who is told of finished classifications: `webhooks add`, `list`, `show`, `remove`,
`deliveries` and `retry`."""
from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from imgclass.cli import output
from imgclass.cli.connection import AsJson, Token, Url, connected

if TYPE_CHECKING:
    from imgclass.results.webhooks import Webhook

SINK = "sink"


def _receiver(text: str) -> str:
    if text == SINK:
        return SINK
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise typer.BadParameter(f"{text!r} is neither an id nor {SINK}.") from None


Id = Annotated[uuid.UUID, typer.Argument(metavar="ID", help="The webhook, as `list` shows it.")]
Receiver = Annotated[str, typer.Argument(
    metavar="ID", callback=_receiver,
    help=f"The webhook, as `list` shows it, or {SINK} for the deployment's own (K_SINK).")]

app = typer.Typer(
    help="Tell others of finished classifications (role admin).",
    no_args_is_help=True, rich_markup_mode=None)


@app.command()
def add(
    address: Annotated[str, typer.Argument(metavar="URL", help="Where events are sent.")],
    events: Annotated[list[str] | None, typer.Option(
        "--event", metavar="TYPE", help="Only events of this type; may be repeated.")] = None,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Register a webhook. Its secret, the key of the signatures, is shown only now."""
    with connected(url, token, admin=True) as client:
        webhook = client.add_webhook(address, events or None)
    if as_json:
        output.print_json(webhook)
        return
    output.print_fields([
        ("webhook", str(webhook.webhook_id)), ("events", ", ".join(webhook.event_types)),
        ("secret", str(webhook.secret))])


@app.command("list")
def list_webhooks(as_json: AsJson = False, url: Url = None, token: Token = None) -> None:
    """List the webhooks and what waits for them."""
    with connected(url, token, admin=True) as client:
        webhooks = client.webhooks()
    if as_json:
        output.print_json(webhooks)
        return
    with output.Rows(
            "created", "pending", "dead", "url", "webhook", numbers=("pending", "dead")) as rows:
        for each in webhooks:
            rows.add(
                output.when(each.created_at), str(each.pending), str(each.dead), each.url,
                str(each.webhook_id))


@app.command()
def show(
    webhook_id: Id, as_json: AsJson = False, url: Url = None, token: Token = None
) -> None:
    """Show a webhook, what waits for it and what is wrong with it."""
    with connected(url, token, admin=True) as client:
        webhook = client.webhook(webhook_id)
    if as_json:
        output.print_json(webhook)
        return
    output.print_fields(_facts(webhook))


@app.command()
def remove(
    webhook_id: Id, as_json: AsJson = False, url: Url = None, token: Token = None
) -> None:
    """Remove a webhook with all that waits for it."""
    with connected(url, token, admin=True) as client:
        client.remove_webhook(webhook_id)
    if as_json:
        output.print_json({"removed": webhook_id})
    else:
        typer.echo(f"{webhook_id} is told nothing more")


@app.command()
def deliveries(
    receiver: Receiver,
    dead: Annotated[bool, typer.Option("--dead", help="Only those that were given up.")] = False,
    page: Annotated[int, typer.Option("--page", min=1, help="Pages count from 1.")] = 1,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100, help="Of a page.")] = 20,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """List what waits for a receiver or was given up, newest first."""
    with connected(url, token, admin=True) as client:
        found = client.deliveries(receiver, "dead" if dead else None, page, limit)
    if as_json:
        output.print_json(found)
        return
    with output.Rows(
            "created", "state", "attempts", "event", "subject", "reason", "delivery",
            numbers=("attempts",)) as rows:
        rows.caption = f"{len(found.deliveries)} of {found.total} deliveries"
        for each in found.deliveries:
            rows.add(
                output.when(each.created_at), each.state, str(each.attempts), each.event_type,
                each.subject, each.reason or "", str(each.delivery_id))


@app.command()
def retry(
    receiver: Receiver,
    delivery_id: Annotated[uuid.UUID | None, typer.Argument(
        metavar="DELIVERY", help="Only this one, as `deliveries` shows it.")] = None,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Attempt again, now, what was given up."""
    with connected(url, token, admin=True) as client:
        if delivery_id is None:
            count = client.retry_dead_deliveries(receiver)
        else:
            client.retry_delivery(receiver, delivery_id)
            count = 1
    if as_json:
        output.print_json({"retried": count})
    else:
        typer.echo(f"{count} {'delivery is' if count == 1 else 'deliveries are'} attempted again")


def _facts(webhook: Webhook) -> Iterator[tuple[str, str]]:
    yield "webhook", str(webhook.webhook_id)
    yield "url", webhook.url
    yield "events", ", ".join(webhook.event_types)
    yield "pending", str(webhook.pending)
    yield "dead", str(webhook.dead)
    if webhook.problem:
        yield "problem", webhook.problem
    if webhook.failures:
        yield "failures in a row", str(webhook.failures)
    if webhook.paused_until:
        yield "paused until", output.when(webhook.paused_until)
    yield "created", output.when(webhook.created_at)
