"""Which part of a dataset a picture belongs to: for ever, and by nothing but its bytes."""
from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")
_SEED = b"imgclass dataset split"


@dataclass(frozen=True)
class Split:
    """The shares, from 0 to 1, that are kept for validation and for the test.

    Equal pictures are in the same part, whoever sent them and whenever: none of the test was ever
    trained on. With other shares, or with more pictures, only those change parts that must.
    """

    validation: float = 0.1
    test: float = 0.1

    def part_of(self, sha256: bytes) -> Part:
        """The part of a picture with this digest, which is hashed once more so that parts have
        nothing to do with the order of digests."""
        hashed = hashlib.sha256(_SEED + sha256).digest()
        place = int.from_bytes(hashed[:8], "big") / 2**64
        if place < self.test:
            return "test"
        return "validation" if place < self.test + self.validation else "train"
