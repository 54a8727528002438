"""Labelled pictures in memory."""
from __future__ import annotations

from dataclasses import dataclass, field

from model_admin.datasets.repository import Filters, LabelledPicture


@dataclass
class InMemoryLabelledPictures:
    """LabelledPictures; of the filters it knows label, predicted_class and model_version."""

    pictures: list[LabelledPicture] = field(default_factory=list)

    def page(self, filters: Filters, after: bytes | None, limit: int) -> list[LabelledPicture]:
        latest: dict[bytes, LabelledPicture] = {}
        for each in sorted(self.pictures, key=lambda each: each.labelled_at):
            if (filters.predicted_class in (None, each.predicted_class)
                    and filters.model_version in (None, each.model_version)):
                latest[each.sha256] = each
        return [each for digest, each in sorted(latest.items())
                if (after is None or digest > after) and filters.label in (None, each.label)
                ][:limit]
