"""How an answer came about: `show` and `replay`."""
from __future__ import annotations

import uuid
from collections.abc import Iterator
from itertools import zip_longest
from typing import TYPE_CHECKING, Annotated

import typer

from imgclass.cli import output
from imgclass.cli.connection import AsJson, Token, Url, connected
from imgclass.cli.exits import Exit

if TYPE_CHECKING:
    from imgclass.results.predictions import Lineage, RankedClass
    from imgclass.results.replays import Answer, Replay

DIGEST_CHARACTERS = 16
# It was not recorded, or there was none.
UNKNOWN = "-"


Id = Annotated[uuid.UUID, typer.Argument(
    metavar="PREDICTION_ID", help="As `history` lists it.")]


def show(
    prediction_id: Id, as_json: AsJson = False, url: Url = None, token: Token = None
) -> None:
    """Show a prediction with all that is known of how it came about."""
    with connected(url, token) as client:
        found = client.prediction(prediction_id)
    if as_json:
        output.print_json(found)
        return
    output.print_fields(_lineage(found))


def replay(
    prediction_id: Id,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Answer a prediction's picture again. Exits with 1 unless the same comes out."""
    with connected(url, token) as client, output.spinner("answering again"):
        found = client.replay(prediction_id)
    if as_json:
        output.print_json(found)
    else:
        _compare(found)
    if not found.same:
        raise typer.Exit(Exit.FAILED)


def _compare(found: Replay) -> None:
    with output.Rows("", "recorded", "replayed") as rows:
        recorded = _facts(found.recorded)
        replayed = _facts(found.replayed) if found.replayed else iter(())
        for (name, before), (_, now) in zip_longest(recorded, replayed, fillvalue=("", UNKNOWN)):
            rows.add(name, before, now)
    if found.same:
        typer.echo("the same answer, bit for bit")
        return
    for finding in found.findings:
        output.complain(finding)
    output.complain(_verdict(found))


def _lineage(found: Lineage) -> Iterator[tuple[str, str]]:
    """Everything, in full: what is shown here is what one searches for elsewhere."""
    yield "prediction", str(found.prediction_id)
    yield "answer", _scored(found)
    for rank, ranked in enumerate(found.top_k, 1):
        yield f"class {rank}", _scored(ranked)
    yield from _feedback(found)
    yield "created", output.when(found.created_at)
    yield "took", f"{found.prediction_time_ms} ms"
    yield "came by", found.source
    yield "request", found.request_id or UNKNOWN
    yield "picture", str(found.image_id)
    yield "picture's SHA-256", found.image_sha256 or UNKNOWN
    yield "owner", str(found.user_id)
    yield "model", found.model_version
    yield "model digest", found.model_digest or UNKNOWN
    yield "engine", found.engine or UNKNOWN
    yield "twin digest", found.twin_digest or UNKNOWN
    yield "preprocessing digest", found.preprocessing_digest or UNKNOWN


def _feedback(found: Lineage) -> Iterator[tuple[str, str]]:
    if found.feedback is None:
        return
    confirmed = found.feedback.label == found.predicted_class
    yield "feedback", "confirmed" if confirmed else f"it is {found.feedback.label}"
    if found.feedback.comment:
        yield "comment", found.feedback.comment


def _verdict(found: Replay) -> str:
    if found.replayed is None:
        return "it was not answered again"
    if _said(found.recorded) == _said(found.replayed):
        return "the same answer, but not made by what was recorded"
    return f"not the same answer: confidences differ by up to {found.max_abs_difference:.2g}"


def _said(answer: Answer) -> tuple[object, ...]:
    return answer.predicted_class, answer.confidence_score, answer.top_k


def _facts(answer: Answer) -> Iterator[tuple[str, str]]:
    yield "answer", _scored(answer)
    for rank, ranked in enumerate(answer.top_k, 1):
        yield f"class {rank}", _scored(ranked)
    yield "model", answer.model_version
    yield "engine", answer.engine
    yield "model digest", _short(answer.model_digest)
    yield "twin digest", _short(answer.twin_digest)
    yield "preprocessing digest", _short(answer.preprocessing_digest)
    yield "picture's SHA-256", _short(answer.image_sha256)


def _scored(scored: Answer | Lineage | RankedClass) -> str:
    """With every digit that tells two confidences apart."""
    return f"{scored.predicted_class} {scored.confidence_score!r}"


def _short(digest: str | None) -> str:
    return UNKNOWN if digest is None else f"{digest[:DIGEST_CHARACTERS]}…"
