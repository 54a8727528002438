"""The Python client: one class, one method for each thing the service does."""
from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, TypeVar, Union
from urllib.parse import quote

import httpx

from imgclass.errors import (
    ClientError, InvalidToken, NoAnswer, ProblemError, StillValidating, UnexpectedAnswer,
    Unreachable)
from imgclass.filters import EVERYTHING, Filters
from imgclass.identity import user_id_of
from imgclass.results.backfills import Backfill
from imgclass.results.comparisons import Comparison
from imgclass.results.images import Image
from imgclass.results.models import Model
from imgclass.results.predictions import (
    Lineage, Prediction, PredictionPage, RankedClass, StoredPrediction)
from imgclass.results.replays import Replay
from imgclass.results.replicas import Replica
from imgclass.selection import EVERY_PICTURE, Selection
from imgclass.transport import Transport, parse_url

__all__ = [
    "Backfill", "Client", "ClientError", "Comparison", "Filters", "Image", "InvalidToken",
    "Lineage", "Model", "NoAnswer", "Picture", "Prediction", "PredictionPage", "ProblemError",
    "RankedClass", "Replay", "Replica", "Selection", "StillValidating", "StoredPrediction",
    "UnexpectedAnswer", "Unreachable"]

Picture = Union[str, "os.PathLike[str]", bytes, BinaryIO]
Result = TypeVar("Result")

POLL_SECONDS = 0.5
# The server reads, checks and stores up to a gigabyte before it answers.
UPLOAD_TIMEOUT_SECONDS = 600.0
# As long as the service takes at most to load a model, or to compare millions of answers.
ANALYSIS_TIMEOUT_SECONDS = 60.0


class Client:
    """Talks to one service as one user; may be shared between threads.

    Close it, or use it as a context manager. Every method raises ProblemError when the
    service refuses, Unreachable or NoAnswer when it cannot be asked, and UnexpectedAnswer when
    something else answers; all are ClientError.
    """

    def __init__(self, base_url: str, token: str, timeout: float = 30.0) -> None:
        """`timeout` is in seconds, for connecting and for each wait on the network.

        Raises InvalidToken, or ClientError when base_url is not an address.
        """
        self.user_id = user_id_of(token)
        self._transport = Transport(parse_url(base_url), token, timeout)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._transport.close()

    def predict(self, picture: Picture, top_k: int | None = None) -> Prediction:
        """Classify a JPEG, PNG or WebP: a path, its bytes, or a seekable file open for reading.

        `top_k` asks for that many of the most probable classes as well. Raises OSError when
        the file cannot be read.
        """
        form = {"user_id": str(self.user_id)}
        if top_k is not None:
            form["top_k"] = str(top_k)
        with _opened(picture) as upload:
            response = self._transport.send(
                "POST", "/api/v1/predict", data=form, files={"file": upload})
        version = response.headers.get("X-Model-Version")
        return _read(response, lambda body: Prediction.from_document(body, version))

    def predictions(
        self, page: int = 1, limit: int = 20, filters: Filters = EVERYTHING
    ) -> PredictionPage:
        """One page of the history, newest first; pages count from 1, `limit` is at most 100."""
        return self._page({"page": str(page), "limit": str(limit), **filters.parameters()})

    def history(self, filters: Filters = EVERYTHING) -> Iterator[StoredPrediction]:
        """Every prediction that matches, newest first, fetched as it is consumed."""
        parameters = {"limit": "100", **filters.parameters()}
        while True:
            page = self._page(parameters)
            yield from page.predictions
            if page.next_cursor is None:
                return
            parameters["cursor"] = page.next_cursor

    def prediction(self, prediction_id: uuid.UUID | str) -> Lineage:
        """A prediction with all that is known of how it came about."""
        path = f"/api/v1/predictions/{_segment(prediction_id)}"
        return self._get(path, Lineage.from_document)

    def replay(self, prediction_id: uuid.UUID | str) -> Replay:
        """Answer a prediction's picture again, with the model and the engine that answered."""
        response = self._transport.send(
            "POST", "/api/v1/replays", json={"prediction_id": str(prediction_id)},
            timeout=ANALYSIS_TIMEOUT_SECONDS)
        return _read(response, Replay.from_document)

    def image(self, image_id: uuid.UUID | str) -> Image:
        """What is known of a stored picture."""
        return self._get(f"/api/v1/images/{_segment(image_id)}", Image.from_document)

    def image_content(self, image_id: uuid.UUID | str) -> bytes:
        """A stored picture, byte for byte as it was sent."""
        path = f"/api/v1/images/{_segment(image_id)}/content"
        return self._transport.send("GET", path).content

    def models(self) -> list[Model]:
        """Every registered model. Needs the role admin, as does all that follows."""
        return self._get(
            "/api/v1/models", lambda body: [Model.from_document(each) for each in body["models"]])

    def model(self, version: str) -> Model:
        return self._get(f"/api/v1/models/{_segment(version)}", Model.from_document)

    def register_model(self, archive: str | os.PathLike[str]) -> Model:
        """Upload a model's zip archive; the model comes back in state validating.

        An archive that is already registered comes back as it stands. Raises OSError when the
        file cannot be read.
        """
        with _opened(archive) as upload:
            response = self._transport.send(
                "POST", "/api/v1/models", files={"archive": upload},
                timeout=UPLOAD_TIMEOUT_SECONDS)
        return _read(response, Model.from_document)

    def register_stored_model(self, object_key: str) -> Model:
        """As register_model, with an archive that lies in the models bucket under this key."""
        response = self._transport.send(
            "POST", "/api/v1/models", json={"object_key": object_key},
            timeout=UPLOAD_TIMEOUT_SECONDS)
        return _read(response, Model.from_document)

    def wait_for_model(
        self,
        version: str,
        timeout: float = 600.0,
        progress: Callable[[Model], None] = lambda model: None,
    ) -> Model:
        """Return the model once it is ready or rejected; `progress` hears of each look at it.

        Raises StillValidating after `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        while True:
            model = self.model(version)
            progress(model)
            if model.state != "validating":
                return model
            if time.monotonic() + POLL_SECONDS > deadline:
                raise StillValidating(f"{version} is still validating after {timeout:g} s")
            time.sleep(POLL_SECONDS)

    def activate_model(self, version: str) -> Model:
        """Make a ready model the one that answers."""
        return self._decide("POST", f"{_segment(version)}/activate")

    def deactivate_model(self, version: str) -> Model:
        """Take a model out of every role."""
        return self._decide("POST", f"{_segment(version)}/deactivate")

    def roll_back(self) -> Model:
        """Let the model answer again that did before the active one; it comes back."""
        return self._decide("POST", "rollback")

    def set_traffic(self, version: str, canary_percent: int, shadow: bool) -> Model:
        """Make a ready model the canary for 0 to 100 % of the users, the shadow, both or none."""
        return self._decide(
            "PUT", f"{_segment(version)}/traffic",
            json={"canary_percent": canary_percent, "shadow": shadow})

    def delete_model(self, version: str) -> Model:
        """Remove the files of a model without a role; predictions still name it."""
        return self._decide("DELETE", _segment(version))

    def replicas(self, version: str) -> list[Replica]:
        """The predict processes that serve a model."""
        return self._get(f"/api/v1/models/{_segment(version)}/replicas", lambda body: [
            Replica.from_document(each) for each in body["replicas"]])

    def compare_models(
        self,
        old: str,
        new: str,
        basis: str = "all",
        since: datetime | None = None,
        until: datetime | None = None,
        changes: int = 50,
    ) -> Comparison:
        """What two versions answered; `basis` is shadow, canary, backfill or all.

        `since` is included and `until` is not; both need a time zone. At most `changes` changes
        of class, up to 50, are told.
        """
        parameters = {"with": new, "basis": basis, "changes": str(changes)}
        for name, instant in (("from", since), ("to", until)):
            if instant is not None:
                parameters[name] = instant.isoformat()
        response = self._transport.send(
            "GET", f"/api/v1/models/{_segment(old)}/comparison", params=parameters,
            timeout=ANALYSIS_TIMEOUT_SECONDS)
        return _read(response, Comparison.from_document)

    def start_backfill(
        self,
        version: str,
        selection: Selection = EVERY_PICTURE,
        pictures_per_second: float | None = None,
    ) -> Backfill:
        """Begin to classify stored pictures again with a ready version, in the background."""
        order: dict[str, Any] = {"model_version": version, "filter": selection.document()}
        if pictures_per_second is not None:
            order["pictures_per_second"] = pictures_per_second
        response = self._transport.send(
            "POST", "/api/v1/backfills", json=order, timeout=ANALYSIS_TIMEOUT_SECONDS)
        return _read(response, Backfill.from_document)

    def backfills(self) -> list[Backfill]:
        """The newest backfills, newest first."""
        return self._get("/api/v1/backfills", lambda body: [
            Backfill.from_document(each) for each in body["backfills"]])

    def backfill(self, backfill_id: uuid.UUID | str) -> Backfill:
        return self._get(f"/api/v1/backfills/{_segment(backfill_id)}", Backfill.from_document)

    def wait_for_backfill(
        self,
        backfill_id: uuid.UUID | str,
        progress: Callable[[Backfill], None] = lambda backfill: None,
    ) -> Backfill:
        """Return the backfill once it has ended; `progress` hears of each look at it."""
        while True:
            backfill = self.backfill(backfill_id)
            progress(backfill)
            if backfill.state != "running":
                return backfill
            time.sleep(POLL_SECONDS)

    def cancel_backfill(self, backfill_id: uuid.UUID | str) -> Backfill:
        """End a running backfill; what it has classified stays."""
        path = f"/api/v1/backfills/{_segment(backfill_id)}/cancel"
        return _read(self._transport.send("POST", path), Backfill.from_document)

    def _decide(self, method: str, path: str, **content: Any) -> Model:
        response = self._transport.send(method, f"/api/v1/models/{path}", **content)
        return _read(response, Model.from_document)

    def _page(self, parameters: dict[str, str]) -> PredictionPage:
        return self._get("/api/v1/predictions", PredictionPage.from_document, parameters)

    def _get(
        self,
        path: str,
        read: Callable[[dict[str, Any]], Result],
        parameters: dict[str, str] | None = None,
    ) -> Result:
        return _read(self._transport.send("GET", path, params=parameters), read)


@contextmanager
def _opened(source: Picture) -> Iterator[tuple[str, bytes | BinaryIO]]:
    """The name and the content of a file in a multipart form."""
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        with path.open("rb") as file:
            # A name that is not UTF-8 is legal on disk, but not in a form.
            yield os.fsencode(path.name).decode("utf-8", "replace"), file
    else:
        yield "picture", source


def _read(response: httpx.Response, read: Callable[[dict[str, Any]], Result]) -> Result:
    try:
        return read(response.json())
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnexpectedAnswer(
            f"{response.url} does not answer as imgclass does: is the address right?") from error


def _segment(name: object) -> str:
    """A value as one segment of a path."""
    return quote(str(name), safe="")
