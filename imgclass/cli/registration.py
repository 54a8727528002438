"""Registering a model: `models push`."""
from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imgclass.cli import authoring, output, verdict
from imgclass.cli.connection import AsJson, Token, Url, connected
from imgclass.packing import packed

if TYPE_CHECKING:
    from imgclass.client import Client
    from imgclass.results.models import Model

# A little above the service's own limit for validating a model, so that its verdict is heard.
WAIT_SECONDS = 660.0

Register = Callable[["Client"], "Model"]


def push(
    source: Annotated[Path | None, typer.Argument(
        exists=True, readable=True, metavar="DIR|FILE",
        help="A model folder, or a zip of manifest.json, labels.txt and saved_model/.")] = None,
    model_version: Annotated[str | None, typer.Option(
        "--version", metavar="VERSION",
        help="Register a folder as this version; else as its manifest says.")] = None,
    object_key: Annotated[str | None, typer.Option(
        "--object-key", metavar="KEY",
        help="Register the zip that lies in the models bucket under this key.")] = None,
    and_activate: Annotated[bool, typer.Option(
        "--activate", help="Then make it the one that answers.")] = False,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Register a model and wait until it is validated. Exits with 1 if it is rejected."""
    with (
        _archive(source, model_version, object_key) as register,
        connected(url, token, admin=True) as client,
    ):
        model = _push(client, register, f"{source.name if source else object_key}")
        if and_activate and model.state == "ready":
            model = client.activate_model(model.version)
    if as_json:
        output.print_json(model)
    if model.state == "rejected":
        output.fail(f"{model.version} was rejected: {model.reason}")
    if model.state != "ready":
        output.fail(f"{model.version} is {model.state}: choose another version")
    if not as_json:
        output.print_fields(verdict.report_rows(model.report, model.manifest))
        typer.echo(f"{model.version} is ready{_next_step(model)}")


@contextmanager
def _archive(
    source: Path | None, version: str | None, object_key: str | None
) -> Iterator[Register]:
    """How to register what was named, by its place here or in the bucket."""
    if (source is None) == (object_key is None):
        raise typer.BadParameter("give either DIR|FILE or --object-key KEY")
    if source is None:
        key = object_key or ""
        if version is not None:
            raise typer.BadParameter("--version is for a folder; an archive's stands in it")
        yield lambda client: client.register_stored_model(key)
        return
    with authoring.explained(), packed(source, version) as ready:
        yield lambda client: client.register_model(ready.archive)


def _push(client: Client, register: Register, name: str) -> Model:
    """Register the archive and return the model in its final state."""
    with output.spinner(f"registering {name}") as reword:
        model = register(client)
        start = time.monotonic()
        return client.wait_for_model(
            model.version, WAIT_SECONDS,
            lambda seen: reword(f"validating {seen.version}, {time.monotonic() - start:.0f} s"))


def _next_step(model: Model) -> str:
    return " and active" if model.is_active else f": imgclass models activate {model.version}"
