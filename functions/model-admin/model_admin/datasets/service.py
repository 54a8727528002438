"""Reading data sets."""
from __future__ import annotations

import hashlib
import itertools
import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from common.audit import AuditTrail, Origin
from common.errors import InvalidValue, NotFound
from common.storage import ObjectStore
from model_admin.datasets.repository import Choice, LabelledPicture, LabelledPictures
from model_admin.datasets.split import Split

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Example:
    """A labelled picture, which part of the data set it belongs to, and its bytes."""

    picture: LabelledPicture
    part: str
    data: bytes


class Datasets:
    """Hands out labelled pictures; who takes them leaves a line in the audit log before."""

    def __init__(
        self, pictures: LabelledPictures, store: ObjectStore, trail: AuditTrail
    ) -> None:
        self._pictures = pictures
        self._store = store
        self._trail = trail

    def rows(
        self, choice: Choice, split: Split, part: str | None, origin: Origin
    ) -> Iterator[dict[str, Any]]:
        """The chosen pictures of one part or all, without their bytes."""
        self._note(choice, part, origin)
        return ({"split": each_part, **asdict(picture)}
                for picture, each_part in self._chosen(choice, split, part))

    def examples(
        self, choice: Choice, split: Split, part: str | None, most: int | None, origin: Origin
    ) -> Iterator[Example]:
        """The same, with their bytes, one at a time in memory.

        What was erased meanwhile is passed over, and what is not what was sent. Raises
        InvalidValue if there are more than `most`, and StoreUnavailable.
        """
        if most is not None:
            self._count(choice, split, part, most)
        self._note(choice, part, origin)
        return self._read(choice, split, part)

    def _count(self, choice: Choice, split: Split, part: str | None, most: int) -> None:
        chosen = self._chosen(choice, split, part)
        if sum(1 for _ in itertools.islice(chosen, most + 1)) > most:
            raise InvalidValue(
                f"There are more than {most} pictures, too many for this format: choose some with "
                "split, label, from and to, or take tfrecord.")

    def _read(self, choice: Choice, split: Split, part: str | None) -> Iterator[Example]:
        for picture, each_part in self._chosen(choice, split, part):
            data = self._fetch(picture)
            if data is not None:
                yield Example(picture, each_part, data)

    def _chosen(
        self, choice: Choice, split: Split, part: str | None
    ) -> Iterator[tuple[LabelledPicture, str]]:
        for picture in self._pictures.all(choice):
            each_part = split.part_of(picture.sha256)
            if part in (None, each_part):
                yield picture, each_part

    def _fetch(self, picture: LabelledPicture) -> bytes | None:
        try:
            data = self._store.get(picture.object_key).read(picture.size_bytes)
        except NotFound:
            return None
        if hashlib.sha256(data).hexdigest() != picture.sha256:
            log.warning("a picture is not what was sent", extra={"key": picture.object_key})
            return None
        return data

    def _note(self, choice: Choice, part: str | None, origin: Origin) -> None:
        chosen = {name: str(value) for name, value in asdict(choice).items() if value is not None}
        self._trail.write(origin, "dataset.export", part or "all", chosen)
