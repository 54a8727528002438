"""What people say of predictions: `feedback` and `uncertain`."""
from __future__ import annotations

from itertools import islice
from typing import Annotated

import typer

from imgclass.cli import output
from imgclass.cli.connection import AsJson, Token, Url, connected
from imgclass.cli.lineage import Id


def feedback(
    prediction_id: Id,
    label: Annotated[str | None, typer.Argument(
        help="What the picture shows: the predicted class to confirm it, or another one.")] = None,
    comment: Annotated[str | None, typer.Option(help="What else there is to say.")] = None,
    remove: Annotated[bool, typer.Option(
        "--remove", help="Take back what was said.")] = False,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Confirm or correct a prediction.

    What was said of it before is replaced.
    """
    if remove == (label is not None):
        raise typer.BadParameter("give a label or --remove", param_hint="LABEL")
    with connected(url, token) as client:
        said = None if label is None else client.give_feedback(prediction_id, label, comment)
        if said is None:
            client.remove_feedback(prediction_id)
    if as_json:
        output.print_json(said)
    else:
        typer.echo(f"{prediction_id} is "
                   f"{'without feedback' if said is None else output.printable(said.label)}")


def uncertain(
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 20,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """List the least certain predictions that nobody has confirmed or corrected."""
    with connected(url, token) as client:
        found = [*islice(client.uncertain(), limit)]
    if as_json:
        output.print_json(found)
        return
    columns = "margin", "class", "confidence", "prediction"
    with output.Rows(*columns, numbers=("margin", "confidence")) as rows:
        for each in found:
            rows.add(output.confidence(each.margin), each.predicted_class,
                     output.confidence(each.confidence_score), str(each.prediction_id))
