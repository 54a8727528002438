"""The client's uploads against a real HTTP server that stands for the service and its store."""
from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from imgclass.api.uploads import media_type
from imgclass.client import (
    Client, ClientError, StillPending, UnexpectedAnswer, Unreachable, UploadRefused)
from imgclass.embedded.ports import free_port
from imgclass.forms import FormSender
from imgclass.results.uploads import Upload
from tests.fakes.api import JPEG, FakeApi, token
from tests.fakes.api_uploads import SIGNATURE
from tests.unit.client.conftest import USER


@pytest.fixture
def client(api: FakeApi) -> Iterator[Client]:
    with Client(api.url, token(USER)) as connected:
        yield connected


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "cup.jpg"
    path.write_bytes(JPEG)
    return path


def test_upload(client: Client, api: FakeApi, picture: Path) -> None:
    """The store gets the picture's bytes under the key it was told, and the form comes back."""
    form = client.upload(picture)
    assert api.uploads.objects == {form.object_key: JPEG}
    assert form.object_key == f"uploads/{USER}/{form.upload_id}/cup.jpg"
    assert form.max_bytes == 1000


def test_store_sees_no_token(client: Client, api: FakeApi, picture: Path) -> None:
    """Who the sender is is none of the store's business."""
    client.upload(picture)
    (headers,) = api.uploads.headers
    assert "Authorization" not in headers and "Cookie" not in headers


def test_wait(client: Client, api: FakeApi, picture: Path) -> None:
    """Waiting asks until the picture is classified; progress hears of each look."""
    api.uploads.pace = 1
    seen: list[str] = []
    done = client.wait_for_upload(
        client.upload(picture).upload_id, progress=lambda upload: seen.append(upload.state))
    assert seen == ["pending", "done"]
    assert (done.predicted_class, done.confidence_score, done.reason) == (
        "espresso", 0.9375, None)
    assert str(done.prediction_id) == api.predictions[0]["prediction_id"]
    assert client.image_content(done.image_id or "") == JPEG


def test_failed(client: Client, picture: Path) -> None:
    """An upload that is given up says why and has no prediction."""
    picture.write_bytes(JPEG + b"broken")
    failed = client.wait_for_upload(client.upload(picture).upload_id)
    assert (failed.state, failed.fault, failed.reason) == (
        "failed", "not_a_picture", "It is broken.")
    assert (failed.prediction_id, failed.image_id, failed.confidence_score) == (None, None, None)


def test_wait_that_takes_too_long(client: Client) -> None:
    """Waiting ends after the time given, whatever the upload does."""
    form = client.create_upload("cup.jpg", "image/jpeg")
    with pytest.raises(StillPending, match=f"{form.upload_id} is still pending after 0 s"):
        client.wait_for_upload(form.upload_id, timeout=0)


def test_fields_are_not_shown(client: Client) -> None:
    """What lets everybody store an object does not get into a log by being printed."""
    form = client.create_upload("cup.jpg", "image/jpeg")
    assert form.fields["policy"] == SIGNATURE
    assert SIGNATURE not in repr(form)


@pytest.mark.parametrize(("head", "expected"), [
    (b"\xff\xd8\xff\xe0", "image/jpeg"), (b"\x89PNG", "image/png"), (b"RIFF", "image/webp"),
    (b"GIF8", "application/octet-stream"), (b"", "application/octet-stream"),
    (b"\xff\xd8", "application/octet-stream")])
def test_media_type(head: bytes, expected: str) -> None:
    """A file's first bytes tell its media type, whatever it is called."""
    assert media_type(head) == expected


def test_file_name_that_is_not_utf8(client: Client, api: FakeApi, tmp_path: Path) -> None:
    """A file may have a name that no JSON can carry."""
    picture = Path(str(tmp_path), "cup\udcff.jpg")
    try:
        picture.write_bytes(JPEG)
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    client.upload(picture)
    assert api.uploads.bodies[0]["filename"] == "cup\ufffd.jpg"


@pytest.mark.parametrize("size", [0, 1001])
def test_sizes_the_store_would_refuse(
    client: Client, api: FakeApi, picture: Path, size: int
) -> None:
    """A file that is empty or too long is not sent."""
    picture.write_bytes(JPEG.ljust(size, b"x") if size else b"")
    with pytest.raises(ClientError):
        client.upload(picture)
    assert api.uploads.objects == {} and api.uploads.headers == []


def test_store_that_refuses(client: Client, api: FakeApi, picture: Path) -> None:
    """The store's own word for it is told."""
    api.uploads.down = True
    with pytest.raises(UploadRefused, match=r"refused it \(AccessDenied, status 403\)"):
        client.upload(picture)


def test_store_that_speaks_no_xml(api: FakeApi, picture: Path) -> None:
    """Something else in the store's place is told by its status."""
    sender = FormSender(5.0)
    with picture.open("rb") as file, pytest.raises(UploadRefused, match=r"\(status 404\)"):
        sender.send(f"{api.url}/store/nowhere", {}, file, "image/jpeg")
    sender.close()


def test_store_that_is_away(picture: Path) -> None:
    """A store that nobody reaches is told with its address, and nothing else of the form."""
    sender, port = FormSender(5.0), free_port()
    url = f"http://127.0.0.1:{port}/images?secret=1"
    with picture.open("rb") as file, pytest.raises(Unreachable) as caught:
        sender.send(url, {"policy": SIGNATURE}, file, "image/jpeg")
    assert f"object store at http://127.0.0.1:{port}/:" in str(caught.value)
    assert "secret" not in str(caught.value) and SIGNATURE not in str(caught.value)


@pytest.mark.parametrize("url", ["", "store", "ftp://store/images"])
def test_form_without_an_address(picture: Path, url: str) -> None:
    """A form that leads nowhere is refused before anything is sent."""
    with picture.open("rb") as file, pytest.raises(ClientError, match="not an address"):
        FormSender(5.0).send(url, {}, file, "image/jpeg")


def test_no_proxy_between_a_machine_and_its_store(
    client: Client, api: FakeApi, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that is set for the internet is not asked for a store on this machine."""
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{free_port()}")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    client.upload(picture)
    assert len(api.uploads.objects) == 1


def test_many_at_once(client: Client, api: FakeApi, picture: Path) -> None:
    """Threads share a client."""
    with ThreadPoolExecutor(8) as threads:
        forms = list(threads.map(lambda number: client.upload(picture), range(24)))
    assert set(api.uploads.objects) == {form.object_key for form in forms}
    assert len(forms) == len(api.uploads.objects) == 24


def test_erased_picture() -> None:
    """Of a picture that was deleted since, only the ids are left."""
    document: dict[str, Any] = {
        "upload_id": USER, "state": "done", "filename": "cup.jpg", "content_type": "image/jpeg",
        "object_key": "uploads/a/b/cup.jpg", "created_at": "2026-01-01T00:00:00Z",
        "expires_at": "2026-01-01T00:05:00Z", "prediction_id": USER, "image_id": USER,
        "predicted_class": None, "confidence_score": None, "newer": 1}
    erased = Upload.from_document(document)
    assert (erased.prediction_id, erased.predicted_class, erased.confidence_score) == (
        uuid.UUID(USER), None, None)


def test_another_service_answers(api: FakeApi, picture: Path) -> None:
    """An answer that is no form is recognised as such."""
    with Client(f"{api.url}/another-service", token()) as client:
        with pytest.raises(UnexpectedAnswer):
            client.find_upload(USER)
