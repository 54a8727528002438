"""What was said so far: `history`."""
from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from imgclass.cli import output
from imgclass.cli.connection import AsJson, Token, Url, connected
from imgclass.cli.filtering import filtered
from imgclass.filters import EVERYTHING, Filters

if TYPE_CHECKING:
    from imgclass.results.predictions import StoredPrediction

# On a terminal --all shows a table of so many at a time, so that it begins at once.
TABLE_ROWS = 100


@filtered
def history(
    page: Annotated[int, typer.Option(min=1, help="Which page; 1 has the newest.")] = 1,
    limit: Annotated[int, typer.Option(min=1, max=100, help="Predictions on a page.")] = 20,
    every: Annotated[bool, typer.Option(
        "--all", help="Every page, one after the other.")] = False,
    wanted: Filters = EVERYTHING,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """List your predictions, newest first, a page or all of them."""
    if every and page != 1:
        raise typer.BadParameter("--all has no pages", param_hint="--page")
    with connected(url, token, admin=wanted.user_id is not None) as client:
        if every:
            _show_all(client.history(wanted), as_json)
            return
        found = client.predictions(page, limit, wanted)
    if as_json:
        output.print_json(found)
    else:
        _show(found.predictions,
              f"page {found.page} of {found.pages}, {found.total} predictions in all")


def _show_all(found: Iterable[StoredPrediction], as_json: bool) -> None:
    if as_json:
        output.print_json_list(found)
        return
    for some in output.batches(found, TABLE_ROWS):
        _show(some)


def _show(found: Iterable[StoredPrediction], caption: str = "") -> None:
    columns = "created", "class", "confidence", "prediction"
    with output.Rows(*columns, numbers=("confidence",)) as rows:
        rows.caption = caption
        for each in found:
            rows.add(
                output.when(each.created_at), each.predicted_class,
                output.confidence(each.confidence_score), str(each.prediction_id))
