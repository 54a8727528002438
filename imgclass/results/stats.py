"""A user's predictions in numbers."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from imgclass.results.figures import Figures
from imgclass.results.values import Document, instant


@dataclass(frozen=True)
class Stats(Figures):
    """Predictions from `since` on and before `until`.

    `classes` is how many different ones there are; `by_class` has the most frequent ones and
    `by_day` the days in UTC that have any.
    """

    since: datetime
    until: datetime
    total: int
    classes: int
    by_day: Mapping[date, int]
    by_class: Mapping[str, int]

    @classmethod
    def from_document(cls, document: Document) -> Stats:
        return cls(
            **vars(Figures.from_document(document)),
            since=instant(document["from"]),
            until=instant(document["to"]),
            total=int(document["total"]),
            classes=int(document["classes"]),
            by_day={date.fromisoformat(each["day"]): int(each["predictions"])
                    for each in document["by_day"]},
            by_class={str(each["predicted_class"]): int(each["predictions"])
                      for each in document["by_class"]},
        )
