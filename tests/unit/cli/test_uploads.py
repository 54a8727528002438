"""`upload`."""
from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command_line import Run
from tests.fakes.api import JPEG, PNG, FakeApi, Outage, token


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pictures, one of them in a folder below, and a file that is none."""
    top = tmp_path / "holiday pictures"
    (top / "below").mkdir(parents=True)
    (top / "a.JPG").write_bytes(JPEG)
    (top / "below" / "b.png").write_bytes(PNG)
    (top / "notes.txt").write_text("not a picture")
    return top


def test_upload(run: Run, folder: Path, api: FakeApi) -> None:
    """Every picture is put into the store as it is, and its class and prediction are shown."""
    result = run("upload", folder)
    newest, oldest = api.predictions
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        f"{folder}/a.JPG\tespresso\t0.9375\t{oldest['prediction_id']}",
        f"{folder}/below/b.png\tEgyptian cat\t0.9375\t{newest['prediction_id']}"]
    assert list(api.uploads.objects.values()) == [JPEG, PNG]
    assert api.uploads.bodies == [
        {"filename": "a.JPG", "content_type": "image/jpeg"},
        {"filename": "b.png", "content_type": "image/png"}]


def test_all_are_sent_before_any_is_waited_for(run: Run, folder: Path, api: FakeApi) -> None:
    """The service can classify the first pictures while the others are still sent."""
    run("upload", folder)
    assert [each.split("/")[:4] for each in api.requests] == [
        ["POST ", "api", "v1", "uploads"], ["POST ", "store", "images"]] * 2 + [
        ["GET ", "api", "v1", "uploads"]] * 2


def test_no_wait(run: Run, folder: Path, api: FakeApi) -> None:
    """--no-wait prints the upload of each picture and asks no further."""
    result = run("upload", folder, "--no-wait")
    first, second = api.uploads.rows
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        f"{folder}/a.JPG\t{first}\n{folder}/below/b.png\t{second}\n")
    assert len(api.requests) == 4
    sent = json.loads(run("upload", folder / "a.JPG", "--no-wait", "--json").stdout)
    assert [set(each) for each in sent] == [{"file", "upload_id", "object_key"}]


def test_failures_do_not_stop_the_rest(run: Run, folder: Path) -> None:
    """What cannot be sent and what is given up is told with its reason; the rest is done."""
    (folder / "broken.jpg").write_bytes(JPEG + b"broken")
    result = run(
        "upload", folder / "notes.txt", folder / "missing.png", folder / "broken.jpg",
        folder / "a.JPG")
    assert result.exit_code == 1
    assert result.stdout.split("\t")[:2] == [f"{folder}/a.JPG", "espresso"]
    assert result.stderr.splitlines() == [
        f"imgclass: {folder}/notes.txt: "
        "content_type must be image/jpeg, image/png or image/webp. (status 415)",
        f"imgclass: {folder}/missing.png: No such file or directory",
        f"imgclass: {folder}/broken.jpg: It is broken.",
        "imgclass: 3 of 4 pictures failed"]


@pytest.mark.parametrize(("data", "reason"), [
    (JPEG * 1000, "it has 13000 bytes; from 1 to 1000 are allowed"),
    (b"\xff\xd8\xff" * 400, "it has 1200 bytes; from 1 to 1000 are allowed")])
def test_picture_that_is_too_large(
    run: Run, tmp_path: Path, api: FakeApi, data: bytes, reason: str
) -> None:
    """A picture that the store would refuse is not sent there."""
    (tmp_path / "large.jpg").write_bytes(data)
    result = run("upload", tmp_path)
    assert (result.exit_code, result.stderr) == (
        1, f"imgclass: {tmp_path}/large.jpg: {reason}\n")
    assert api.requests == ["POST /api/v1/uploads"]


def test_store_that_refuses(run: Run, folder: Path, api: FakeApi) -> None:
    """Why the store does not take a picture is told in its own word."""
    api.uploads.down = True
    result = run("upload", folder / "a.JPG")
    assert (result.exit_code, result.stderr) == (
        1, f"imgclass: {folder}/a.JPG: the object store refused it (AccessDenied, status 403)\n")


def test_timeout(run: Run, folder: Path, api: FakeApi) -> None:
    """A picture that is not classified in time is told, and stays where it is."""
    api.uploads.pace = 1000
    result = run("upload", folder / "a.JPG", "--timeout", 0)
    (upload_id,) = api.uploads.rows
    assert (result.exit_code, result.stderr) == (
        1, f"imgclass: {folder}/a.JPG: upload {upload_id} is still pending after 0 s\n")
    assert list(api.uploads.objects.values()) == [JPEG]


def test_json(run: Run, folder: Path) -> None:
    """--json prints one list with what became of each file."""
    (folder / "broken.jpg").write_bytes(JPEG + b"broken")
    result = run("upload", folder / "a.JPG", folder / "broken.jpg", "--json")
    good, bad = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (good["file"], good["state"], good["predicted_class"]) == (
        f"{folder}/a.JPG", "done", "espresso")
    assert (bad["file"], bad["error"], bad["fault"]) == (
        f"{folder}/broken.jpg", "It is broken.", "not_a_picture")


def test_interrupted_by_the_token(run: Run, folder: Path, api: FakeApi) -> None:
    """When the token expires, pictures that are stored already are not forgotten."""
    api.outage = Outage(401, times=1, after=2)
    result = run("upload", folder)
    assert (result.exit_code, result.stdout) == (4, "")
    told, why = result.stderr.splitlines()
    assert told == (
        "imgclass: stored and going to be classified, see `imgclass history`: 1 of 2 pictures")
    assert why.endswith("(status 401): give another with --token or IMGCLASS_TOKEN")


def test_any_user_may_upload(run: Run, folder: Path) -> None:
    """Uploading needs no role."""
    assert run("upload", folder, "--token", token()).exit_code == 0


def test_nothing_to_upload(run: Run, tmp_path: Path) -> None:
    """A folder without pictures is a usage error, as for `classify`."""
    result = run("upload", tmp_path)
    assert (result.exit_code, result.stderr) == (
        2, "imgclass: no picture there: looked for .jpeg, .jpg, .png, .webp\n")
