"""`watch`."""
from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from imgclass.embedded.ports import free_port
from tests.command_line import Run
from tests.fakes.api import JPEG, PNG, FakeApi, Outage, token
from tests.waiting import wait_until

NOW = ("--once", "--settle", "0")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one picture."""
    path = tmp_path / "incoming"
    path.mkdir()
    (path / "a.jpg").write_bytes(JPEG)
    return path


def test_each_picture_once(run: Run, folder: Path, api: FakeApi) -> None:
    """A second run classifies only what has come since the first."""
    first = run("watch", folder, *NOW)
    assert (first.exit_code, first.stderr) == (0, "")
    assert first.stdout == (
        f"{folder}/a.jpg\tespresso\t0.9375\t{api.predictions[0]['prediction_id']}\n")
    (folder / "b.png").write_bytes(PNG)
    second = run("watch", folder, *NOW)
    assert second.stdout.startswith(f"{folder}/b.png\tEgyptian cat\t")
    assert (second.stdout.count("\n"), len(api.predictions)) == (1, 2)


def test_json_lines(run: Run, folder: Path) -> None:
    """--json prints a line for each picture, also for what is refused; the exit code is 1."""
    (folder / "b.jpg").write_bytes(b"half a picture")
    result = run("watch", folder, *NOW, "--json")
    good, bad = map(json.loads, result.stdout.splitlines())
    assert (good["file"], good["predicted_class"]) == (f"{folder}/a.jpg", "espresso")
    assert bad == {"file": f"{folder}/b.jpg",
                   "error": "The bytes are not a JPEG, PNG or WebP picture. (status 415)"}
    assert result.exit_code == 1
    assert result.stderr == f"imgclass: {bad['file']}: {bad['error']}\n"


def test_only_new(run: Run, folder: Path, api: FakeApi) -> None:
    """--only-new leaves out what was there at the first start, and nothing at later ones."""
    assert run("watch", folder, *NOW, "--only-new").stdout == ""
    (folder / "b.png").write_bytes(PNG)
    assert run("watch", folder, *NOW, "--only-new").stdout.startswith(f"{folder}/b.png\t")
    assert len(api.predictions) == 1


def test_state_elsewhere(run: Run, folder: Path, tmp_path: Path) -> None:
    """--state keeps the folder free of files of ours."""
    run("watch", folder, *NOW, "--state", tmp_path / "state")
    assert [path.name for path in folder.iterdir()] == ["a.jpg"]
    assert run("watch", folder, *NOW, "--state", tmp_path / "state").stdout == ""


def test_state_of_somebody_else(run: Run, folder: Path, tmp_path: Path) -> None:
    """A file that is no watcher's is told in one line."""
    result = run("watch", folder, *NOW, "--state", folder / "a.jpg")
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert (folder / "a.jpg").read_bytes() == JPEG


def test_refused_token(run: Run, folder: Path) -> None:
    """A token that is refused ends the command, for no other picture would fare better."""
    result = run("watch", folder, "--settle", 0, "--token", token(lifetime=-60))
    assert result.exit_code == 4
    assert result.stderr.startswith("imgclass: The token has expired.")


def test_service_that_is_away(run: Run, folder: Path) -> None:
    """With --once, a service that is away ends the command; the picture stays new."""
    url = f"http://127.0.0.1:{free_port()}"
    assert run("watch", folder, *NOW, "--url", url).exit_code == 3
    assert run("watch", folder, *NOW).stdout.startswith(f"{folder}/a.jpg\t")


def test_no_folder(run: Run, tmp_path: Path) -> None:
    """What is no folder is a usage error."""
    assert run("watch", tmp_path / "missing").exit_code == 2


def test_until_it_is_ended(folder: Path, api: FakeApi, tmp_path: Path) -> None:
    """A watcher survives an outage of the service, finds what comes later, and ends with 0."""
    api.outage = Outage(503, times=3)
    said = tmp_path / "stdout"
    with said.open("wb") as stdout, (tmp_path / "stderr").open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-c", "from imgclass.cli.main import app; app()", "watch", folder,
             "--settle", "0.1", "--interval", "0.05", "--url", api.url, "--token", token()],
            stdout=stdout, stderr=stderr)
        try:
            wait_until(lambda: said.read_bytes().count(b"\n") == 1)
            (folder / "b.png").write_bytes(PNG)
            wait_until(lambda: said.read_bytes().count(b"\n") == 2)
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        finally:
            process.kill()
            process.wait()
    assert (tmp_path / "stderr").read_text().endswith(": going on as soon as it answers\n")
    assert len(api.predictions) == 2
