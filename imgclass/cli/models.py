"""Models: `models list`, `show`, `push` and `activate`. All need the role admin."""
from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imgclass import verdict
from imgclass.cli import authoring, output
from imgclass.cli.connection import AsJson, Token, Url, connected
from imgclass.packing import packed

if TYPE_CHECKING:
    from imgclass.client import Client
    from imgclass.results.models import Model

# A little above the service's own limit for validating a model, so that its verdict is heard.
WAIT_SECONDS = 660.0

Version = Annotated[str, typer.Argument(help="The model's version, as its manifest says.")]

app = typer.Typer(
    help="Prepare models, register them, and choose the one that answers (role admin).",
    no_args_is_help=True, rich_markup_mode=None)
app.command()(authoring.init)
app.command()(authoring.check)


@app.command("list")
def list_models(as_json: AsJson = False, url: Url = None, token: Token = None) -> None:
    """List the registered models."""
    with connected(url, token, admin=True) as client:
        models = client.models()
    if as_json:
        output.print_json(models)
        return
    with output.Rows("version", "state", "active", "created") as rows:
        for model in models:
            rows.add(
                model.version, model.state, "yes" if model.is_active else "no",
                output.when(model.created_at))


@app.command()
def show(
    version: Version, as_json: AsJson = False, url: Url = None, token: Token = None
) -> None:
    """Show a model and how its validation went."""
    with connected(url, token, admin=True) as client:
        model = client.model(version)
    if as_json:
        output.print_json(model)
        return
    with output.Rows("field", "value") as rows:
        for name, value in [*_facts(model), *verdict.report_rows(model.report, model.manifest)]:
            rows.add(name, value)


@app.command()
def push(
    source: Annotated[Path, typer.Argument(
        exists=True, readable=True, metavar="DIR|FILE",
        help="A model folder, or a zip of manifest.json, labels.txt and saved_model/.")],
    model_version: Annotated[str | None, typer.Option(
        "--version", metavar="VERSION",
        help="Register a folder as this version; else as its manifest says.")] = None,
    and_activate: Annotated[bool, typer.Option(
        "--activate", help="Then make it the one that answers.")] = False,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Register a model and wait until it is validated. Exits with 1 if it is rejected."""
    with (
        authoring.explained(),
        packed(source, model_version) as ready,
        connected(url, token, admin=True) as client,
    ):
        model = _push(client, ready.archive, source.name)
        if and_activate and model.state == "ready":
            model = client.activate_model(model.version)
    if as_json:
        output.print_json(model)
    if model.state == "rejected":
        output.fail(f"{model.version} was rejected: {model.reason}")
    if not as_json:
        with output.Rows("field", "value") as rows:
            for name, value in verdict.report_rows(model.report, model.manifest):
                rows.add(name, value)
        typer.echo(f"{model.version} is ready{_next_step(model)}")


@app.command()
def activate(
    version: Version, as_json: AsJson = False, url: Url = None, token: Token = None
) -> None:
    """Make a ready model the one that answers."""
    with connected(url, token, admin=True) as client:
        model = client.activate_model(version)
    if as_json:
        output.print_json(model)
    else:
        typer.echo(f"{model.version} is active")


def _push(client: Client, archive: Path, name: str) -> Model:
    """Upload the archive and return the model in its final state."""
    with output.spinner(f"uploading {name}") as reword:
        model = client.register_model(archive)
        start = time.monotonic()
        return client.wait_for_model(
            model.version, WAIT_SECONDS,
            lambda seen: reword(f"validating {seen.version}, {time.monotonic() - start:.0f} s"))


def _next_step(model: Model) -> str:
    return " and active" if model.is_active else f": imgclass models activate {model.version}"


def _facts(model: Model) -> list[tuple[str, str]]:
    facts = {
        "version": model.version,
        "state": model.state,
        "reason": model.reason,
        "active": "yes" if model.is_active else "no",
        "created": output.when(model.created_at),
        "name": model.name,
        "description": str(model.manifest.get("description") or ""),
        "license": str(model.manifest.get("license") or ""),
        "digest": model.digest or "",
        "twin digest": model.twin_digest or "",
    }
    return [(name, value) for name, value in facts.items() if value]
