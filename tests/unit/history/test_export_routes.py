"""GET /api/v1/predictions/export: a user's predictions as a file."""
from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest

from history.predictions.repository import EXPORTED
from tests.fakes.history import InMemoryPredictionReader
from tests.unit.history.conftest import House

EXPORT = "/api/v1/predictions/export"


def test_csv(house: House) -> None:
    """CSV has a line of names, and each prediction's values as the interface writes them."""
    row = house.predicted(predicted_class='a "cup", größer', engine=None)
    answer = house.get(EXPORT)
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="predictions.csv"'
    assert answer.text.count("\r\n") == answer.text.count("\n") == 2
    (line,) = csv.DictReader(io.StringIO(answer.text))
    assert tuple(line) == EXPORTED
    assert line["prediction_id"] == str(row["prediction_id"])
    assert line["predicted_class"] == 'a "cup", größer'
    assert (line["confidence_score"], line["engine"]) == ("0.9375", "")
    assert line["created_at"] == "2026-01-31T12:00:00Z"
    assert json.loads(line["top_k"]) == row["top_k"]


def test_ndjson(house: House) -> None:
    """NDJSON has a JSON object a line, with nulls, lists and all characters."""
    rows = [house.predicted(predicted_class=f"größer\n{number}") for number in range(450)]
    answer = house.get(EXPORT, format="ndjson")
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="predictions.ndjson"'
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert {each["prediction_id"] for each in lines} == {
        str(row["prediction_id"]) for row in rows}
    assert lines[0]["label"] is None
    assert lines[0]["top_k"] == rows[0]["top_k"]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
@pytest.mark.parametrize("column", ["predicted_class", "filename", "request_id"])
def test_formulas(house: House, column: str, text: str) -> None:
    """No text of anybody's is run by a spreadsheet; numbers stay numbers."""
    house.predicted(**{column: text, "prediction_time_ms": -1})
    (line,) = csv.DictReader(io.StringIO(house.get(EXPORT).text, newline=""))
    assert line[column] == f"'{text}"
    assert line["prediction_time_ms"] == "-1"
    assert json.loads(house.get(EXPORT, format="ndjson").text)[column] == text


def test_nothing(house: House) -> None:
    """Without predictions there is a line of names, or nothing."""
    assert house.get(EXPORT).text == ",".join(EXPORTED) + "\r\n"
    assert house.get(EXPORT, format="ndjson").text == ""


def test_filters(house: House) -> None:
    """The filters of the list select what is exported, and others' predictions never are."""
    house.predicted()
    chosen = house.predicted(predicted_class="cup")
    house.predicted(user=house.bob, predicted_class="cup")
    lines = house.get(EXPORT, format="ndjson", predicted_class="cup").text.splitlines()
    assert [json.loads(line)["prediction_id"] for line in lines] == [str(chosen["prediction_id"])]


def test_others(house: House) -> None:
    """Another user's predictions do not exist; an administrator gets them and leaves a line."""
    house.predicted()
    assert house.get(EXPORT, house.bob, user_id=house.ada).status_code == 404
    assert house.trail.lines == []
    answer = house.get(EXPORT, house.bob, admin=True, user_id=house.ada, format="ndjson")
    assert len(answer.text.splitlines()) == 1
    assert [action for _, action, _, _ in house.trail.lines] == ["predictions.read"]


@pytest.mark.parametrize(("name", "value"), [
    ("format", "xml"), ("format", ""), ("source", "x"), ("from", "x"), ("min_confidence", "2")])
def test_refused(house: House, name: str, value: str) -> None:
    """What cannot be understood is refused by name."""
    answer = house.get(EXPORT, **{name: value})
    assert (answer.status_code, name in answer.json["detail"]) == (422, True)


def test_database_gone(house: House) -> None:
    """Without the database the answer is to come again, not an empty file."""
    house.predictions.down = True
    assert house.get(EXPORT).status_code == 503


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_closed(house: House, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    """Rows are given back when the client has gone, has asked for the head alone, or is served."""
    closed = []

    class Rows(Iterator[Any]):
        def __next__(self) -> Any:
            raise StopIteration

        def close(self) -> None:
            closed.append(True)

    monkeypatch.setattr(InMemoryPredictionReader, "export", lambda *_: Rows())
    house.get(EXPORT, method=method).close()
    assert closed == [True]
