"""Reading what an administrator orders."""
from __future__ import annotations

import uuid
from datetime import datetime, timezone
from typing import Any

import pytest

from common.errors import InvalidRequest, InvalidValue
from model_admin.backfill.orders import Filter, Order

USER = uuid.UUID("6f1c3a52-58ff-4c1c-8f0e-0d8f0f6d2c11")


def test_complete() -> None:
    """Every part of an order is read."""
    order = Order.from_json({
        "model_version": "v2", "pictures_per_second": 5,
        "filter": {
            "from": "2026-01-31T12:00:00Z", "to": "2026-02-01T00:00:00+01:00",
            "predicted_class": "espresso", "min_confidence": 0.25, "max_confidence": 1,
            "model_version": "v1", "user_id": str(USER)}})
    assert order == Order("v2", Filter(
        datetime(2026, 1, 31, 12, tzinfo=timezone.utc),
        datetime(2026, 1, 31, 23, tzinfo=timezone.utc),
        "espresso", 0.25, 1.0, "v1", USER), 5.0)


@pytest.mark.parametrize("document", [
    {"model_version": "v2"},
    {"model_version": "v2", "filter": {}},
    {"model_version": "v2", "filter": {"from": None, "user_id": None}},
])
def test_everything(document: dict[str, Any]) -> None:
    """Without a filter, or one in which nothing is set, an order means every picture."""
    assert Order.from_json(document) == Order("v2", Filter(), 20.0)


@pytest.mark.parametrize("document", [
    {}, {"from": "2026-01-31T12:00:00.000001Z", "max_confidence": 0.1, "user_id": str(USER)}])
def test_filter_is_stored_as_sent(document: dict[str, Any]) -> None:
    """A filter that was read and written is the same again."""
    assert Filter.from_json(document).as_json() == document


def test_times_without_a_zone() -> None:
    """A time without an offset is one of UTC."""
    assert Filter.from_json({"from": "2026-01-31"}).since == datetime(
        2026, 1, 31, tzinfo=timezone.utc)


@pytest.mark.parametrize("document", [None, [], "v2", {}, {"filter": {}}])
def test_no_order(document: Any) -> None:
    """What is no object with a model version is told what to send."""
    with pytest.raises(InvalidRequest, match="model_version and filter"):
        Order.from_json(document)


@pytest.mark.parametrize(("change", "field"), [
    ({"model_version": 2}, "model_version"),
    ({"model_version": ""}, "model_version"),
    ({"model_version": "v" * 256}, "model_version"),
    ({"filters": {}}, "filters"),
    ({"filter": []}, "filter"),
    ({"filter": "v1"}, "filter"),
    ({"filter": None}, "filter"),
    ({"pictures_per_second": 0}, "pictures_per_second"),
    ({"pictures_per_second": 0.05}, "pictures_per_second"),
    ({"pictures_per_second": 1001}, "pictures_per_second"),
    ({"pictures_per_second": "20"}, "pictures_per_second"),
    ({"pictures_per_second": None}, "pictures_per_second"),
    ({"pictures_per_second": True}, "pictures_per_second"),
    ({"pictures_per_second": float("nan")}, "pictures_per_second"),
])
def test_refused(change: dict[str, Any], field: str) -> None:
    """A part that is unknown or malformed is named."""
    with pytest.raises(InvalidValue, match=rf"^{field} "):
        Order.from_json({"model_version": "v2", **change})


@pytest.mark.parametrize(("change", "field"), [
    ({"class": "espresso"}, "class"),
    ({"since": "2026-01-31"}, "since"),
    ({"from": "yesterday"}, "from"),
    ({"from": 1767225600}, "from"),
    ({"from": "0001-01-01T00:00:00+01:00"}, "from"),
    ({"to": "2026-02-30"}, "to"),
    ({"from": "2026-02-01", "to": "2026-01-01"}, "to"),
    ({"predicted_class": ""}, "predicted_class"),
    ({"predicted_class": 7}, "predicted_class"),
    ({"predicted_class": "a\0b"}, "predicted_class"),
    ({"predicted_class": "\ud83d"}, "predicted_class"),
    ({"min_confidence": -0.1}, "min_confidence"),
    ({"min_confidence": True}, "min_confidence"),
    ({"max_confidence": 1.1}, "max_confidence"),
    ({"max_confidence": float("nan")}, "max_confidence"),
    ({"max_confidence": "0.5"}, "max_confidence"),
    ({"min_confidence": 0.6, "max_confidence": 0.5}, "max_confidence"),
    ({"model_version": ["v1"]}, "model_version"),
    ({"user_id": "ada"}, "user_id"),
    ({"user_id": 7}, "user_id"),
])
def test_refused_filter(change: dict[str, Any], field: str) -> None:
    """A condition that is unknown or malformed is named: a filter never selects by mistake."""
    with pytest.raises(InvalidValue, match=rf"^filter\.{field} "):
        Order.from_json({"model_version": "v2", "filter": change})
