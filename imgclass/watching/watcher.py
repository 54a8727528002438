"""Looking into a folder again and again, and classifying what is new."""
from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from imgclass.results.predictions import Prediction
from imgclass.watching.memory import Done, Memory, Stamp
from imgclass.watching.settling import Settling, pictures

# No service takes pictures of this size; reading them would only fill the memory.
MAX_BYTES = 256 * 1024 * 1024

# Classifies bytes under an idempotency key.
Classify = Callable[[bytes, str], Prediction]


class Refused(Exception):
    """The service has said no to a picture, and would again."""


class Failed(Exception):
    """A picture could not be classified, and the next one may be."""


@dataclass(frozen=True)
class Seen:
    """A picture that came up: what it shows, or why that is not known."""

    name: str
    prediction: Prediction | None = None
    reason: str = ""


class Watcher:
    """Classifies each picture of a folder once, whenever it comes and however often it is seen.

    A picture is sent once it has settled, and under a key made of the memory's key, its name and
    its bytes: after a crash between answer and memory the same answer comes again. What was
    refused is tried again when its bytes change, what failed also when the watcher starts anew.
    """

    def __init__(
        self, folder: Path, memory: Memory, settling: Settling, classify: Classify
    ) -> None:
        self.folder = folder
        self.waiting = 0
        self._memory, self._settling, self._classify = memory, settling, classify
        self._failed: dict[str, Stamp] = {}

    def skip_all(self) -> None:
        """Take what is in the folder now as dealt with."""
        for name, stamp in pictures(self.folder):
            if self._memory.find(name) is None:
                self._memory.keep(name, _done(stamp, ""))

    def look(self) -> Iterator[Seen]:
        """What has become of the pictures that are new; `waiting` counts those still to settle.

        Raises what `classify` raises besides Refused and Failed; the picture is still new then.
        """
        self.waiting = 0
        for name, stamp in pictures(self.folder):
            known = self._memory.find(name)
            if (known and known.stamp == stamp) or self._failed.get(name) == stamp:
                continue
            if not self._settling.settled(name, stamp):
                self.waiting += 1
                continue
            seen = self._deal_with(name, stamp, known)
            self._settling.forget(name)
            if seen:
                yield seen

    def _deal_with(self, name: str, stamp: Stamp, known: Done | None) -> Seen | None:
        try:
            data = self._read(name, stamp)
            if data is None:  # it changed under our hands, or went
                self.waiting += 1
                return None
            digest = hashlib.sha256(data).hexdigest()
            if known and known.sha256 == digest:
                self._memory.keep(name, replace(
                    known, size=stamp.size, mtime_ns=stamp.mtime_ns))
                return None
            return self._send(name, stamp, data, digest)
        except Failed as error:
            self._failed[name] = stamp
            return Seen(name, reason=str(error))

    def _send(self, name: str, stamp: Stamp, data: bytes, digest: str) -> Seen:
        key = hashlib.sha256(os.fsencode(f"{self._memory.key}\0{name}\0{digest}")).hexdigest()
        try:
            prediction = self._classify(data, key)
        except Refused as error:
            self._memory.keep(name, replace(_done(stamp, digest), reason=str(error)))
            return Seen(name, reason=str(error))
        self._memory.keep(name, replace(
            _done(stamp, digest), prediction_id=str(prediction.prediction_id)))
        return Seen(name, prediction)

    def _read(self, name: str, stamp: Stamp) -> bytes | None:
        """The bytes that the stamp is of; None if they are not those any more. Raises Failed."""
        if stamp.size > MAX_BYTES:
            raise Failed(f"it has {stamp.size} bytes, more than any service takes")
        try:
            with (self.folder / name).open("rb") as file:
                data = file.read()
                after = Stamp.of(os.fstat(file.fileno()))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Failed(error.strerror or str(error)) from error
        return data if after == stamp and len(data) == stamp.size else None


def _done(stamp: Stamp, digest: str) -> Done:
    return Done(stamp.size, stamp.mtime_ns, digest, time.time())
