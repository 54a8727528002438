"""Models: `models list`, `show` and `activate`. All need the role admin."""
from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from imgclass.cli import authoring, output, registration, verdict
from imgclass.cli.connection import AsJson, Token, Url, connected

if TYPE_CHECKING:
    from imgclass.results.models import Model

Version = Annotated[str, typer.Argument(help="The model's version, as its manifest says.")]

app = typer.Typer(
    help="Prepare models, register them, and choose the one that answers (role admin).",
    no_args_is_help=True, rich_markup_mode=None)
app.command()(authoring.init)
app.command()(authoring.check)
app.command()(registration.push)


@app.command("list")
def list_models(as_json: AsJson = False, url: Url = None, token: Token = None) -> None:
    """List the registered models."""
    with connected(url, token, admin=True) as client:
        models = client.models()
    if as_json:
        output.print_json(models)
        return
    with output.Rows("version", "state", "role", "created") as rows:
        for model in models:
            rows.add(
                model.version, model.state, model.role or "-", output.when(model.created_at))


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
    output.print_fields([*_facts(model), *verdict.report_rows(model.report, model.manifest)])


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


def _facts(model: Model) -> list[tuple[str, str]]:
    facts = {
        "version": model.version,
        "state": model.state,
        "reason": model.reason,
        "role": model.role,
        "created": output.when(model.created_at),
        "name": model.name,
        "description": str(model.manifest.get("description") or ""),
        "license": str(model.manifest.get("license") or ""),
        "digest": model.digest or "",
        "twin digest": model.twin_digest or "",
    }
    return [(name, value) for name, value in facts.items() if value]
