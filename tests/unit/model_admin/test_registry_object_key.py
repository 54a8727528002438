"""POST /api/v1/models with the key of an archive that lies in the models bucket already."""
from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.test import TestResponse

from common.storage import StoredObject
from model_admin.registry.routes import MAX_JSON_BYTES
from tests import tokens
from tests.archives import archive
from tests.contracts.object_store import WRITING
from tests.fakes.storage import InMemoryObjectStore
from tests.unit.model_admin.conftest import MAX_BYTES, House

MODELS, KEY = "/api/v1/models", "incoming/model.zip"


def put(house: House, data: bytes, key: str = KEY) -> None:
    house.store.put(key, data, "application/zip")


def register(house: House, key: Any = KEY) -> TestResponse:
    return house.ask("POST", MODELS, json={"object_key": key})


def refused(answer: TestResponse, status: int) -> str:
    """The detail of a problem."""
    assert answer.status_code == status, answer.text
    detail: str = answer.json["detail"]
    return detail


def test_register(house: House) -> None:
    """The archive becomes a version as if it had been sent; its object stays where it is."""
    data = archive()
    put(house, data)
    answer = register(house)
    digest = hashlib.sha256(data).hexdigest()
    assert (answer.status_code, answer.headers["Location"]) == (202, f"{MODELS}/v1")
    assert (answer.json["state"], answer.json["digest"]) == ("validating", digest)
    assert answer.json["registered_by"] == str(house.admin)
    assert house.objects()[f"v1/{digest}/archive.zip"] == house.objects()[KEY] == data
    assert house.woken == 1


def test_register_again(house: House) -> None:
    """The same archive is one version, whichever way it comes; another one is refused."""
    put(house, archive())
    assert house.register(archive()).status_code == 202
    assert register(house).status_code == 200
    put(house, archive(description="other"))
    assert "another archive" in refused(register(house), 409)
    assert house.woken == 1


@pytest.mark.parametrize("key", [
    "a", "x" * 512, "ä" * 512, "incoming/größe 1 (final).zip", "v1/archive.zip", "a.b/.c"])
def test_good_keys(house: House, key: str) -> None:
    """Printable keys of 1 to 512 characters and 1024 bytes are looked up as they are."""
    put(house, archive(), key)
    assert register(house, key).status_code == 202


@pytest.mark.parametrize("key", [
    "", "/", "/model.zip", "incoming/", "incoming//model.zip", "..", "../other/model.zip",
    "incoming/../v1/archive.zip", "./model.zip", "x" * 513, "\U0001f600" * 257, "a\nb", "a\0b",
    "\ud800", None, 7, True, ["incoming/model.zip"], {}], ids=ascii)
def test_bad_keys(house: House, key: Any) -> None:
    """Any other key is refused before the store is asked."""
    house.store.down = True
    assert refused(register(house, key), 422).startswith("object_key must ")


@pytest.mark.parametrize("options", [
    {"json": {}}, {"json": {"key": KEY}}, {"json": [KEY]}, {"json": KEY}, {"json": None},
    {"data": b"{", "content_type": "application/json"},
    {"data": b"", "content_type": "application/json"}], ids=str)
def test_no_key(house: House, options: dict[str, Any]) -> None:
    """JSON without a key is told what to send."""
    assert "object_key" in refused(house.ask("POST", MODELS, **options), 400)


# Without a length, what is beyond the limit is not read: the JSON is incomplete.
@pytest.mark.parametrize(("chunked", "status"), [(False, 413), (True, 400)])
def test_long_json(house: House, chunked: bool, status: int) -> None:
    """JSON is read into memory, and so has a limit far below that of archives."""
    put(house, archive())
    body = b'{"object_key": "' + b"x" * MAX_JSON_BYTES + b'"}'
    stream = {"input_stream": io.BytesIO(body), "environ_overrides": {
        "wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}}
    options: dict[str, Any] = stream if chunked else {"data": body}
    answer = house.ask("POST", MODELS, content_type="application/json", **options)
    assert refused(answer, status)


def test_no_object(house: House) -> None:
    """A key without an object is not found."""
    assert KEY in refused(register(house), 404)
    assert (house.versions.rows, house.woken) == ({}, 0)


def test_store_down(house: House) -> None:
    """Without the store the request may be repeated."""
    house.store.down = True
    answer = register(house)
    refused(answer, 503)
    assert int(answer.headers["Retry-After"]) > 0


def test_bad_archive(house: House) -> None:
    """What is no archive is refused with the reason, and stays in the bucket."""
    put(house, archive()[:-10])
    assert refused(register(house), 422).startswith("The archive is not an intact zip file")
    assert list(house.objects()) == [KEY]
    assert (house.versions.rows, house.woken) == ({}, 0)


def test_at_the_limit(house: House) -> None:
    """An object of exactly as many bytes as allowed is read."""
    put(house, bytes(MAX_BYTES))
    assert refused(register(house), 422).startswith("The archive is not an intact zip file")


def test_beyond_the_limit() -> None:
    """An object that is too large is read no further than to its first byte too many."""
    class Endless(InMemoryObjectStore):
        def get(self, key: str) -> StoredObject:
            return StoredObject(self.chunks(), 1, "application/zip", WRITING)

        def chunks(self) -> Iterator[bytes]:
            for _ in range(1000):
                read.append(len(chunk))
                yield chunk

    read: list[int] = []
    chunk = bytes(MAX_BYTES // 10)
    house = House(store=Endless())
    assert str(MAX_BYTES) in refused(register(house), 413)
    assert sum(read) == MAX_BYTES + len(chunk)
    assert house.versions.rows == {}


def test_needs_an_administrator(house: House) -> None:
    """Nobody else can make the service read its bucket."""
    put(house, archive())
    answer = house.app.test_client().post(
        MODELS, json={"object_key": KEY}, headers=tokens.bearer("user", roles=["user"]))
    refused(answer, 403)
    assert house.versions.rows == {}
