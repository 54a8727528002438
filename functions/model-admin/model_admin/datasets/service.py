"""From labelled pictures to a dataset."""
from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from common.audit import AuditTrail, Origin
from common.errors import NotFound
from common.storage import ObjectStore
from model_admin.datasets.formats import Format, Sample
from model_admin.datasets.repository import Filters, LabelledPicture, LabelledPictures
from model_admin.datasets.split import Part, Split

PAGE_ROWS = 1000

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Choice:
    """Which pictures, how they are split, and which part of that; None is all of it."""

    filters: Filters
    split: Split
    part: Part | None = None


class Datasets:
    """What administrators take out to train with; each time leaves a line in the audit log."""

    def __init__(
        self, labelled: LabelledPictures, pictures: ObjectStore, trail: AuditTrail
    ) -> None:
        self._labelled = labelled
        self._pictures = pictures
        self._trail = trail

    def export(self, choice: Choice, format: Format, origin: Origin) -> Iterator[bytes]:
        """The dataset, piece by piece; its first rows are looked up before the first is taken.

        Raises DatabaseUnavailable, also later on, and StoreUnavailable later on.
        """
        first = self._labelled.page(choice.filters, None, PAGE_ROWS)
        chosen = {**asdict(choice.filters), "part": choice.part}
        self._trail.write(origin, "dataset.export", format.extension, {
            name: str(value) for name, value in chosen.items() if value is not None})
        return format.write(self._samples(choice, first, format.with_data))

    def _samples(
        self, choice: Choice, page: list[LabelledPicture], with_data: bool
    ) -> Iterator[Sample]:
        while page:
            for picture in page:
                part = choice.split.part_of(picture.sha256)
                if choice.part not in (None, part):
                    continue
                data = self._data(picture) if with_data else b""
                if data is not None:
                    yield Sample(picture, part, data)
            page = self._labelled.page(choice.filters, page[-1].sha256, PAGE_ROWS)

    def _data(self, picture: LabelledPicture) -> bytes | None:
        """The bytes of a picture, None if it was erased meanwhile."""
        try:
            return b"".join(self._pictures.get(picture.object_key).chunks)
        except NotFound:
            log.warning("a labelled picture is gone", extra={"image_id": str(picture.image_id)})
            return None
