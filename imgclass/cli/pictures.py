"""Pictures and their history: `classify` and `history`."""
from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imgclass.cli import output
from imgclass.cli.connection import AsJson, Token, Url, connected
from imgclass.errors import ClientError, ProblemError, Unreachable
from imgclass.filters import Filters

if TYPE_CHECKING:
    from imgclass.client import Client
    from imgclass.results.predictions import Prediction

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})
# The token is at fault: no other picture would fare better.
TOKEN_REFUSED = frozenset({401, 403})


def classify(
    files: Annotated[list[Path], typer.Argument(
        metavar="FILE", help="Pictures, or folders to search for .jpg, .jpeg, .png, .webp.")],
    top_k: Annotated[int | None, typer.Option(
        "--top-k", min=1, max=100, help="Show this many of the most probable classes.")] = None,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Say what pictures show. Exits with 1 if any of them could not be classified."""
    pictures = list(dict.fromkeys(find_pictures(files)))
    if not pictures:
        output.fail("no picture there: looked for " + ", ".join(sorted(SUFFIXES)), 2)
    with connected(url, token) as client, Report(as_json) as report:
        with output.progress(pictures, "classifying") as waiting:
            for picture in waiting:
                report.add(_attempt(client, picture, top_k))
    if report.failures:
        if len(pictures) > 1:
            output.complain(f"{report.failures} of {len(pictures)} pictures failed")
        raise typer.Exit(1)


def find_pictures(paths: list[Path]) -> Iterator[Path]:
    """The files as named, and in each folder all that are named like a picture, in order."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for folder, folders, names in os.walk(path, onerror=_cannot_list):
            folders.sort()
            for name in sorted(names):
                if os.path.splitext(name)[1].lower() in SUFFIXES:
                    yield Path(folder, name)


def _cannot_list(error: OSError) -> None:
    output.fail(f"{error.filename}: {error.strerror}")


@dataclass(frozen=True)
class Outcome:
    """What became of one picture: a prediction, or the reason why there is none."""

    file: str
    prediction: Prediction | None = None
    reason: str = ""

    def rows(self) -> Iterator[tuple[str, str, str, str]]:
        """File, class, confidence and milliseconds, for each class that was asked for."""
        if self.prediction is None:
            return
        for ranked in self.prediction.top_k or (self.prediction,):
            yield (
                self.file, ranked.predicted_class, output.confidence(ranked.confidence_score),
                str(self.prediction.prediction_time_ms))

    def document(self) -> dict[str, Any]:
        if self.prediction is None:
            return {"file": self.file, "error": self.reason}
        return {"file": self.file, **asdict(self.prediction)}


class Report:
    """Shows outcomes as they come in, or all of them as JSON at the end."""

    def __init__(self, as_json: bool) -> None:
        self.failures = 0
        self._documents: list[dict[str, Any]] | None = [] if as_json else None
        self._rows = output.Rows("file", "class", "confidence", "ms", numbers=("confidence", "ms"))

    def __enter__(self) -> Report:
        self._rows.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._rows.__exit__(kind, error, trace)
        if self._documents is not None:
            output.print_json(self._documents)

    def add(self, outcome: Outcome) -> None:
        if outcome.prediction is None:
            self.failures += 1
            output.complain(f"{outcome.file}: {outcome.reason}")
        if self._documents is not None:
            self._documents.append(outcome.document())
            return
        for row in outcome.rows():
            self._rows.add(*row)


def _attempt(client: Client, picture: Path, top_k: int | None) -> Outcome:
    """Raises ClientError when the rest of the pictures would fail the same way."""
    try:
        return Outcome(str(picture), client.predict(picture, top_k))
    except OSError as error:
        return Outcome(str(picture), reason=error.strerror or str(error))
    except Unreachable:
        raise
    except ClientError as error:
        if isinstance(error, ProblemError) and error.status in TOKEN_REFUSED:
            raise
        return Outcome(str(picture), reason=str(error))


def history(
    page: Annotated[int, typer.Option(min=1, help="Which page; 1 has the newest.")] = 1,
    limit: Annotated[int, typer.Option(min=1, max=100, help="Predictions on a page.")] = 20,
    predicted_class: Annotated[str | None, typer.Option(
        "--class", help="Only this class.")] = None,
    min_confidence: Annotated[float | None, typer.Option(
        "--min-confidence", min=0, max=1, help="Only predictions at least this sure.")] = None,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """List your predictions, newest first."""
    filters = Filters(predicted_class=predicted_class, min_confidence=min_confidence)
    with connected(url, token) as client:
        found = client.predictions(page, limit, filters)
    if as_json:
        output.print_json(found)
        return
    columns = "created", "class", "confidence", "prediction"
    with output.Rows(*columns, numbers=("confidence",)) as rows:
        rows.caption = f"page {found.page} of {found.pages}, {found.total} predictions in all"
        for each in found.predictions:
            rows.add(
                output.when(each.created_at), each.predicted_class,
                output.confidence(each.confidence_score), str(each.prediction_id))
