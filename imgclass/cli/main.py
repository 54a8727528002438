"""The command `imgclass`: every command, and where it is."""
from __future__ import annotations

from typing import Annotated

import typer

from imgclass import __version__
from imgclass.cli import (
    audit, backfills, comparison, completion, doctor, events, exporting, feedback, history,
    lineage, models, pictures, privacy, rollout, stack, tokens, uploads, watch, webhooks)

# Plain help costs half the time of the decorated kind; tracebacks are for bugs alone.
app = typer.Typer(
    name="imgclass", help="Classify pictures, look the answers up, manage the models.",
    no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)

app.command()(stack.up)
app.command()(stack.down)
app.command()(stack.status)
app.command()(stack.clean_data)
app.command()(tokens.token)
app.command()(pictures.classify)
app.command()(uploads.upload)
app.command()(watch.watch)
app.command()(history.history)
app.command()(lineage.show)
app.command()(lineage.replay)
app.command()(feedback.feedback)
app.command()(feedback.uncertain)
app.command()(exporting.export)
app.command()(privacy.me)
app.command()(privacy.delete)
app.command()(privacy.erase)
app.command()(audit.audit)
app.command()(doctor.doctor)
app.command()(completion.completion)
models.app.command()(comparison.compare)
models.app.command()(rollout.canary)
models.app.command()(rollout.shadow)
models.app.command()(rollout.rollback)
models.app.command()(rollout.deactivate)
models.app.command()(rollout.replicas)
models.app.command()(rollout.delete)
app.add_typer(models.app, name="models")
app.add_typer(backfills.app, name="backfill")
app.add_typer(events.app, name="events")
app.add_typer(webhooks.app, name="webhooks")


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"imgclass {__version__}")
        raise typer.Exit()


@app.callback()
def main(
    version: Annotated[bool, typer.Option(
        "--version", callback=_show_version, is_eager=True, help="Show the version.")] = False,
) -> None:
    """Classify pictures, look the answers up, manage the models."""
