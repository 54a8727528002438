"""Preparing a model of one's own: `models init` and `models check`."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from imgclass import settings
from imgclass.cli import output, verdict
from imgclass.cli.connection import AsJson
from imgclass.model_tools import ModelTools, ToolError
from imgclass.packing import PackingError, find_saved_model, packed

# For a check, the version of a folder that has none yet.
UNVERSIONED = "unversioned"
SHOWN_FILES = 5


def init(
    folder: Annotated[Path, typer.Argument(
        metavar="DIR", help="A SavedModel, or a folder with saved_model/ in it.")],
    keras: Annotated[Path | None, typer.Option(
        "--keras", metavar="FILE", exists=True, dir_okay=False,
        help="Export DIR/saved_model from this .keras or .h5 file first. Runs the file's code.",
    )] = None,
    name: Annotated[str | None, typer.Option(
        help="The model's name; else that of the folder.")] = None,
    signature: Annotated[str | None, typer.Option(
        help="The signature to serve; else serving_default, or the only one.")] = None,
    height: Annotated[int | None, typer.Option(
        min=8, max=2048, help="For a model that takes any: the pictures' height.")] = None,
    width: Annotated[int | None, typer.Option(
        min=8, max=2048, help="For a model that takes any: the pictures' width.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Run the Keras file's code.")] = False,
    force: Annotated[bool, typer.Option(
        "--force", help="Overwrite manifest.json, and with --keras saved_model/.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write the manifest of a model, with a comment at everything the model does not tell."""
    options = {"name": name, "signature": signature, "height": height, "width": width}
    arguments = [f"--{key}={value}" for key, value in options.items() if value is not None]
    arguments += ["--force"] if force else []
    with explained():
        tools = _tools()
        if keras is None:
            saved_model = find_saved_model(folder)
        else:
            _confirm(keras, yes)
            saved_model = folder / "saved_model"
            arguments += [f"--keras={keras.resolve()}"]
        with output.spinner("inspecting the model"):
            result = tools.init(saved_model, folder, *arguments)
    if "reason" in result:
        output.fail(result["reason"])
    if as_json:
        output.print_json(result)
    else:
        output.print_fields(_draft(folder, result))
        typer.echo(f"edit {folder / 'manifest.json'}, then: imgclass models check {folder}")


def check(
    model: Annotated[Path, typer.Argument(
        exists=True, readable=True, metavar="DIR|FILE", help="A model folder, or its archive.")],
    version: Annotated[str | None, typer.Option(
        help="The version to check a folder as; else its manifest's.")] = None,
    as_json: AsJson = False,
) -> None:
    """Validate a model on this machine, as the service would. Exits with 1 if it is rejected."""
    with explained():
        tools = _tools()
        with packed(model, version, UNVERSIONED) as ready, output.spinner("validating"):
            judged = tools.check(ready.archive)
    if as_json:
        to_do = [{"path": place, "comment": comment}
                 for place, comment in verdict.to_do(judged.get("manifest"))]
        output.print_json({**judged, "to_do": to_do, "left_out": ready.left_out})
    else:
        output.print_fields(_verdict(judged, ready.left_out))
    if judged["state"] == "rejected":
        output.fail(f"{model} is rejected: {judged['report']['reason']}")


@contextmanager
def explained() -> Iterator[None]:
    """End the command with one line where a model cannot be packed or a tool cannot run."""
    try:
        yield
    except (PackingError, ToolError, settings.SettingsError, OSError) as error:
        output.fail(str(error))


def _tools() -> ModelTools:
    local = settings.load()
    tools = ModelTools(local.root, local.search_path)
    tools.require()
    return tools


def _confirm(keras: Path, yes: bool) -> None:
    warning = (f"{keras.name} is loaded by Keras, which runs the code in it, as you, on this "
               "machine: go on only if you know where it comes from")
    typer.echo(f"imgclass: {output.printable(warning)}", err=True)
    if not yes:
        output.confirm("Load it?", "nothing was loaded")


def _draft(folder: Path, result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    manifest = result["manifest"]
    source, target = manifest["input"], manifest["output"]
    yield "wrote", ", ".join(str(folder / name) for name in result["written"])
    yield "signature", source["signature"]
    yield "input", (f"{source['name']} {source['dtype']} "
                    f"({source['height']} x {source['width']} x 3)")
    yield "output", f"{target['name']}: {manifest['labels']['count']} {target['kind']}"
    yield from verdict.to_do_rows(manifest)


def _verdict(judged: dict[str, Any], left_out: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    manifest = judged.get("manifest", {})
    for name in ("state", "version", "digest"):
        if name in judged:
            yield name, judged[name]
    if "size_bytes" in judged:
        yield "archive", verdict.megabytes(judged["size_bytes"])
    yield from verdict.report_rows(judged["report"], manifest)
    if left_out:
        yield "left out", _enumerated(left_out)
    yield from verdict.to_do_rows(manifest)


def _enumerated(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:SHOWN_FILES])
    more = len(names) - SHOWN_FILES
    return f"{shown} and {more} more" if more > 0 else shown
