"""Pictures put straight into the bucket: `upload`."""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from imgclass.cli import output
from imgclass.cli.connection import AsJson, Token, Url, connected
from imgclass.cli.files import Files, Outcome, Report, attempt, chosen, conclude
from imgclass.errors import ClientError

if TYPE_CHECKING:
    from imgclass.client import Client


@dataclass(frozen=True)
class Sent:
    """A picture that lies in the bucket."""

    upload_id: UUID
    object_key: str


def upload(
    files: Files,
    wait: Annotated[bool, typer.Option(
        "--wait/--no-wait", help="Stay until they are classified.")] = True,
    timeout: Annotated[float, typer.Option(
        min=0, help="Seconds to wait for a picture once it is its turn.")] = 600.0,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Put pictures straight into the bucket, and say what they show.

    They go past the service, which classifies them when it has time. Exits with 1 if any of them
    could not be stored or classified.
    """
    pictures = chosen(files)
    columns = ("file", "class", "confidence", "prediction") if wait else ("file", "upload")
    rows = output.Rows(*columns, numbers=("confidence",))
    with connected(url, token) as client, Report(as_json, rows) as report:
        stored: list[tuple[Path, Sent]] = []
        try:
            with output.progress(pictures, "sending", len(pictures)) as waiting:
                for picture in waiting:
                    outcome = attempt(picture, lambda path: _send(client, path))
                    if isinstance(outcome.said, Sent) and wait:
                        stored.append((picture, outcome.said))
                    else:
                        report.add(outcome)
            with output.progress([*stored], "classifying", len(stored)) as unknown:
                for picture, sent in unknown:
                    report.add(attempt(
                        picture, lambda path: _result(client, path, sent, timeout)))
                    stored.pop(0)
        except ClientError:
            if stored:
                output.complain("stored and going to be classified, see `imgclass history`: "
                                f"{len(stored)} of {len(pictures)} pictures")
            raise
    conclude(report, len(pictures))


def _send(client: Client, picture: Path) -> Outcome:
    form = client.upload(picture)
    return Outcome(
        str(picture), Sent(form.upload_id, form.object_key), [(str(form.upload_id),)])


def _result(client: Client, picture: Path, sent: Sent, timeout: float) -> Outcome:
    found = client.wait_for_upload(sent.upload_id, timeout)
    if found.state == "failed":
        return Outcome(str(picture), found, reason=found.reason or "it was given up")
    score = found.confidence_score
    return Outcome(str(picture), found, [(
        found.predicted_class or "(deleted)", "-" if score is None else output.confidence(score),
        str(found.prediction_id))])
