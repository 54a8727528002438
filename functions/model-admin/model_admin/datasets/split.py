"""Which part of a data set a picture belongs to."""
from __future__ import annotations

from dataclasses import dataclass

from common.errors import InvalidValue

PARTS = ("train", "validation", "test")
_DIGITS = 16


@dataclass(frozen=True)
class Split:
    """Shares of the pictures, 0 to 1, that are kept for validation and for tests.

    A picture's place follows from its SHA-256 alone: the same bytes are never on two sides, an
    export that is repeated or has grown leaves every picture where it was, and another share for
    validation leaves the tests alone.
    """

    validation: float
    test: float

    def __post_init__(self) -> None:
        if self.validation + self.test >= 1:
            raise InvalidValue("validation and test must leave something to train with.")

    def part_of(self, sha256: str) -> str:
        """The part, of PARTS, of the picture with this digest in hexadecimal."""
        place = int(sha256[:_DIGITS], 16) / 16 ** _DIGITS
        if place < self.test:
            return "test"
        return "validation" if place < self.test + self.validation else "train"
