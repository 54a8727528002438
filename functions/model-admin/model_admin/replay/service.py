"""Replaying predictions."""
from __future__ import annotations

import logging
import threading
import uuid
from dataclasses import dataclass
from typing import Protocol

from common.audit import AuditTrail, Origin
from common.auth import Principal
from common.errors import (
    BrokenPicture, Conflict, NotFound, PayloadTooLarge, Unavailable, UnsupportedMedia)
from common.inference.model import Model, ModelRow
from model_admin.replay.evidence import Evidence, lineage
from model_admin.replay.repository import Answer, RecordedPrediction, RecordedPredictions
from model_admin.replay.rerun import Rerun, rerun

# Every user may ask for replays, and each holds a picture and reads a model's files.
AT_ONCE = 2

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Replay:
    """A recorded answer beside a new one.

    `same` is true if the picture and the model are intact and the answers are equal, bit for
    bit. `replayed` is None if there is nothing to run, and `findings` say what is not as it was
    recorded. `max_abs_difference` is that of the recorded classes' confidences.
    """

    prediction_id: uuid.UUID
    same: bool
    picture_intact: bool
    model_intact: bool
    recorded: Answer
    replayed: Answer | None
    max_abs_difference: float | None
    findings: list[str]


class Versions(Protocol):
    """Finds and loads model versions."""

    def find(self, version: str) -> ModelRow:
        """A version's row. Raises Conflict if it is not ready."""

    def get(self, version: str, engine: str) -> Model:
        """A version, warm, on this engine. Raises Conflict if it is not ready, Unavailable."""


class ReplayService:
    """Answers recorded predictions again, for those who may see them; who looks at another
    user's leaves a line in the audit log."""

    def __init__(
        self,
        predictions: RecordedPredictions,
        versions: Versions,
        evidence: Evidence,
        max_pixels: int,
        trail: AuditTrail,
    ) -> None:
        self._predictions = predictions
        self._versions = versions
        self._evidence = evidence
        self._max_pixels = max_pixels
        self._trail = trail
        self._places = threading.Semaphore(AT_ONCE)

    def replay(self, caller: Principal, prediction_id: uuid.UUID, origin: Origin) -> Replay:
        """Answer a prediction's picture again, with its version and its engine.

        Raises NotFound for somebody else's prediction too, Conflict if its model was deleted or
        its lineage never recorded, and Unavailable if its engine is not there or other replays
        are running.
        """
        recorded = self._predictions.find(
            prediction_id, None if caller.is_admin else caller.user_id)
        if recorded is None:
            raise NotFound("There is no such prediction.")
        if recorded.model_state == "deleted":
            raise Conflict(
                f"Model version {recorded.answer.model_version} was deleted: "
                "its predictions cannot be replayed.")
        if not recorded.has_lineage:
            raise Conflict(
                "What made this prediction was not recorded: it cannot be replayed.")
        if recorded.user_id != caller.user_id:
            self._trail.write(origin, "prediction.replay", str(prediction_id), {
                "owner": str(recorded.user_id)})
        if not self._places.acquire(blocking=False):
            raise Unavailable("Other replays are running; try again shortly.")
        try:
            return self._replay(recorded)
        finally:
            self._places.release()

    def _replay(self, recorded: RecordedPrediction) -> Replay:
        answer = recorded.answer
        row = self._versions.find(answer.model_version)
        data, odd_picture = self._evidence.picture(recorded)
        odd_files, odd_lineage = self._evidence.files(row, answer.engine), lineage(answer, row)
        findings = [*odd_picture, *odd_files, *odd_lineage]
        # Nobody knows what a swapped file does: it is not run.
        again = None if odd_picture or odd_files else self._run(data, answer, findings)
        same = not findings and again is not None and again.answer == answer
        log.info("prediction replayed", extra={
            "prediction_id": str(recorded.prediction_id), "same": same, "findings": findings})
        return Replay(
            prediction_id=recorded.prediction_id,
            same=same,
            picture_intact=not odd_picture,
            model_intact=not (odd_files or odd_lineage),
            recorded=answer,
            replayed=again.answer if again else None,
            max_abs_difference=again.max_abs_difference if again else None,
            findings=findings)

    def _run(self, data: bytes, answer: Answer, findings: list[str]) -> Rerun | None:
        """A picture that cannot be decoded (any more) adds to the findings."""
        model = self._versions.get(answer.model_version, answer.engine)
        try:
            return rerun(model, data, answer, self._max_pixels)
        except (BrokenPicture, PayloadTooLarge, UnsupportedMedia) as error:
            findings.append(str(error))
            return None
