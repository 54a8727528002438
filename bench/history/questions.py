"""What is asked of the history for one user, and how many rows each answer has to count."""
from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from bench.history.rows import QUERIES, HistoryDatabase

FAR_PAGE = 500
FILTERS: Mapping[str, dict[str, Any]] = {
    "class": {"predicted_class": "class 17"},
    "confidence": {"min_confidence": 0.9},
    "class_and_confidence": {"predicted_class": "class 17", "min_confidence": 0.9},
    "version": {"model_version": "v2"},
    "source": {"source": "bucket"},
    "period": {"from": "2025-03-01T00:00:00Z", "to": "2025-04-01T00:00:00Z"},
}

# The answer to a GET of a path, as JSON; and how to get as a user, by id.
Get = Callable[[str], Any]
GetAs = Callable[[str], Get]


class Questions:
    """The paths that are asked for one user; single predictions and pages vary."""

    def __init__(self, get: Get, user_id: str, rows: list[Mapping[str, Any]], limit: int) -> None:
        before = get(_listing(user_id, page=FAR_PAGE - 1, limit=limit))
        self.get = get
        self._user_id, self._rows, self._limit = user_id, rows, limit
        self._cursor = before["next_cursor"]
        self._random = random.Random(0)  # nosec B311  # no secret

    def paths(self) -> dict[str, str]:
        """One path for each question."""
        row = self._random.choice(self._rows)
        far = _listing(self._user_id, cursor=self._cursor, limit=self._limit)
        return {
            "first page": _listing(self._user_id),
            f"page {FAR_PAGE}, by cursor": far,
            **{_named(name): _listing(self._user_id, **filters)
               for name, filters in FILTERS.items()},
            "statistics of a month": "/api/v1/predictions/stats?" + urlencode({
                "user_id": self._user_id, **FILTERS["period"]}),
            "the least certain": "/api/v1/predictions/uncertain",
            "what is stored of the user": "/api/v1/users/me",
            "one prediction": f"/api/v1/predictions/{row['prediction_id']}",
            "one picture": f"/api/v1/images/{row['image_id']}",
        }


def questions_of(
    database: HistoryDatabase, number: int, get_as: GetAs
) -> tuple[Questions | None, list[str]]:
    """What to ask for a user, by number, and the filters whose total is wrong.

    None without enough rows to ask for.
    """
    with database.connection() as connection:
        user_id = QUERIES.id_of(connection, number=number)
        rows = list(QUERIES.some_of(connection, user_id=user_id))
        truth = QUERIES.count_of(
            connection, user_id=user_id, predicted_class="class 17", min_confidence=0.9,
            model_version="v2", source="bucket", since="2025-03-01T00:00Z",
            until="2025-04-01T00:00Z")
    if truth["everything"] < 2 * FAR_PAGE:
        return None, []
    get = get_as(user_id)
    limit = 20 if truth["everything"] >= 20 * FAR_PAGE else 2
    return Questions(get, user_id, rows, limit), [*_wrong(get, user_id, truth)]


def _wrong(get: Get, user_id: str, truth: Mapping[str, int]) -> Iterator[str]:
    """The filters whose total is not the number of rows."""
    for name, each in {"everything": {}, **FILTERS}.items():
        if get(_listing(user_id, limit=1, **each))["total"] != truth[name]:
            yield name


def _named(filter_name: str) -> str:
    return f"by {filter_name.replace('_', ' ')}"


def _listing(user_id: str, **parameters: Any) -> str:
    return "/api/v1/predictions?" + urlencode({"user_id": user_id, **parameters})
