"""`classify`."""
from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from imgclass.embedded.ports import free_port
from tests.command_line import Run
from tests.fakes.api import JPEG, PNG, FakeApi, Outage, token

WEBP = b"RIFF....WEBP and so on"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pictures, one of them in a folder below, and a file that is none."""
    top = tmp_path / "holiday pictures"
    (top / "below").mkdir(parents=True)
    (top / "a.JPG").write_bytes(JPEG)
    (top / "below" / "b.webp").write_bytes(WEBP)
    (top / "notes.txt").write_text("not a picture")
    return top


def test_one_picture(run: Run, folder: Path) -> None:
    """A pipe gets file, class, confidence and milliseconds, separated by tabs."""
    result = run("classify", folder / "a.JPG")
    assert result.stdout == f"{folder}/a.JPG\tespresso\t0.9375\t12\n"
    assert (result.exit_code, result.stderr) == (0, "")


def test_folder(run: Run, folder: Path, api: FakeApi) -> None:
    """A folder's pictures are found at any depth and in order, other files are not."""
    result = run("classify", folder)
    assert [line.split("\t")[:2] for line in result.stdout.splitlines()] == [
        [f"{folder}/a.JPG", "espresso"], [f"{folder}/below/b.webp", "tabby"]]
    assert (result.exit_code, len(api.predictions)) == (0, 2)


def test_picture_named_twice(run: Run, folder: Path, api: FakeApi) -> None:
    """A picture that is named and also lies in a named folder is classified once."""
    assert run("classify", folder / "a.JPG", folder).exit_code == 0
    assert len(api.predictions) == 2


def test_named_file_needs_no_suffix(run: Run, tmp_path: Path) -> None:
    """A file that is named is sent whatever it is called: the service looks at its bytes."""
    (tmp_path / "cat").write_bytes(PNG)
    assert run("classify", tmp_path / "cat").stdout.split("\t")[1] == "Egyptian cat"


def test_failures_do_not_stop_the_rest(run: Run, folder: Path) -> None:
    """Each failure is told with its reason, the rest is classified, and the exit code is 1."""
    result = run("classify", folder / "notes.txt", folder / "missing.png", folder / "a.JPG")
    assert result.exit_code == 1
    assert result.stdout == f"{folder}/a.JPG\tespresso\t0.9375\t12\n"
    assert result.stderr.splitlines() == [
        f"imgclass: {folder}/notes.txt: "
        "The bytes are not a JPEG, PNG or WebP picture. (status 415)",
        f"imgclass: {folder}/missing.png: No such file or directory",
        "imgclass: 2 of 3 pictures failed"]


def test_picture_beyond_the_limit(run: Run, tmp_path: Path) -> None:
    """The service's limit on size is told in its own words."""
    (tmp_path / "large.jpg").write_bytes(JPEG * 10_000)
    result = run("classify", tmp_path / "large.jpg")
    assert result.exit_code == 1
    assert result.stderr == (
        f"imgclass: {tmp_path}/large.jpg: The body exceeds the limit of 64 KiB. (status 413)\n")


def test_top_k(run: Run, folder: Path) -> None:
    """--top-k prints a line for each class."""
    result = run("classify", folder / "a.JPG", "--top-k", 2)
    assert [line.split("\t")[1:3] for line in result.stdout.splitlines()] == [
        ["espresso", "0.9375"], ["cup", "0.0625"]]


def test_json(run: Run, folder: Path) -> None:
    """--json prints one list, with predictions and failures in the order of the files."""
    result = run("classify", folder / "a.JPG", folder / "notes.txt", "--json", "--top-k", 1)
    good, bad = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (good["file"], good["predicted_class"]) == (f"{folder}/a.JPG", "espresso")
    assert good["top_k"] == [
        {"predicted_class": "espresso", "index": 0, "confidence_score": 0.9375}]
    assert good["model_version"] == "v1"
    assert bad == {
        "file": f"{folder}/notes.txt",
        "error": "The bytes are not a JPEG, PNG or WebP picture. (status 415)"}


def test_no_file_is_named(run: Run) -> None:
    """Without a file it is a usage error."""
    result = run("classify")
    assert (result.exit_code, result.stdout) == (2, "")


def test_folder_without_pictures(run: Run, tmp_path: Path) -> None:
    """A folder without pictures is a usage error that says what was looked for."""
    result = run("classify", tmp_path)
    assert result.exit_code == 2
    assert result.stderr == "imgclass: no picture there: looked for .jpeg, .jpg, .png, .webp\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list every folder")
def test_folder_that_cannot_be_listed(run: Run, folder: Path, api: FakeApi) -> None:
    """A folder below that may not be read is told before anything is sent."""
    (folder / "below").chmod(0)
    result = run("classify", folder)
    (folder / "below").chmod(0o700)
    assert (result.exit_code, api.requests) == (1, [])
    assert result.stderr == f"imgclass: {folder}/below: Permission denied\n"


def test_service_is_down(run: Run, folder: Path) -> None:
    """If nothing answers, one line says so, for all pictures together."""
    url = f"http://127.0.0.1:{free_port()}"
    result = run("classify", folder, "--url", url)
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr == f"imgclass: nothing answers at {url}: is the stack up? `make up`\n"


def test_token_has_expired(run: Run, folder: Path, api: FakeApi) -> None:
    """A refused token ends the command at the first picture and says what to do."""
    result = run("classify", folder, "--token", token(lifetime=-60))
    assert (result.exit_code, len(api.requests)) == (4, 1)
    assert result.stderr == (
        "imgclass: The token has expired. (status 401): "
        "give another with --token or IMGCLASS_TOKEN\n")


def test_what_was_done_is_shown_when_the_token_expires(
    run: Run, folder: Path, api: FakeApi
) -> None:
    """--json prints the pictures that were classified before the command had to stop."""
    api.outage = Outage(401, times=1, after=1)
    result = run("classify", folder, "--json")
    assert [each["file"] for each in json.loads(result.stdout)] == [f"{folder}/a.JPG"]
    assert result.exit_code == 4


def test_file_name_with_control_characters(run: Run, tmp_path: Path) -> None:
    """A file's name cannot break the line or command the terminal."""
    (tmp_path / "a\tb\n\x1b[31m.jpg").write_bytes(JPEG)
    result = run("classify", tmp_path)
    assert result.stdout == f"{tmp_path}/a\\tb\\n\\x1b[31m.jpg\tespresso\t0.9375\t12\n"
