"""Pictures: `classify`."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imgclass.cli import output
from imgclass.cli.connection import AsJson, Token, Url, connected
from imgclass.cli.files import Files, Outcome, Report, attempts, chosen, conclude

if TYPE_CHECKING:
    from imgclass.results.predictions import Prediction


def classify(
    files: Files,
    top_k: Annotated[int | None, typer.Option(
        "--top-k", min=1, max=100, help="Show this many of the most probable classes.")] = None,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Say what pictures show. Exits with 1 if any of them could not be classified."""
    pictures = chosen(files)
    rows = output.Rows("file", "class", "confidence", "ms", numbers=("confidence", "ms"))
    with connected(url, token) as client, Report(as_json, rows) as report:
        def ask(picture: Path) -> Outcome:
            prediction = client.predict(picture, top_k)
            return Outcome(str(picture), prediction, [*_ranking(prediction)])

        with (
            closing(attempts(pictures, ask)) as outcomes,
            output.progress(outcomes, "classifying", len(pictures)) as known,
        ):
            for outcome in known:
                report.add(outcome)
    conclude(report, len(pictures))


def _ranking(prediction: Prediction) -> Iterator[tuple[str, str, str]]:
    """Class, confidence and milliseconds, for each class that was asked for."""
    for ranked in prediction.top_k or (prediction,):
        yield (ranked.predicted_class, output.confidence(ranked.confidence_score),
               str(prediction.prediction_time_ms))
