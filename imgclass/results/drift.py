"""How far the latest predictions have moved from earlier ones."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from imgclass.results.values import Document

INDEX = "psi"


@dataclass(frozen=True)
class Drift:
    """Population stability indices; below 0.1 little has moved, from 0.25 on much has.

    `indices` has each under the path of names that leads to it in `document`, the whole report.
    """

    indices: Mapping[str, float]
    document: Document

    @classmethod
    def from_document(cls, document: Document) -> Drift:
        return cls(dict(_indices(document, ())), document)


def _indices(part: Any, path: tuple[str, ...]) -> Iterator[tuple[str, float]]:
    pairs = part.items() if isinstance(part, Mapping) else enumerate(part)
    for name, value in pairs:
        place = (*path, str(name))
        if isinstance(value, (Mapping, list)):
            yield from _indices(value, place)
        elif isinstance(value, (int, float)) and any(each.startswith(INDEX) for each in place):
            yield ".".join(place), float(value)
