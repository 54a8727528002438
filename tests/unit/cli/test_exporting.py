"""`export`."""
from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command_line import Run
from tests.fakes.api import FakeApi
from tests.fakes.api_exports import ROWS


def test_to_stdout(run: Run, api: FakeApi) -> None:
    """Without a file stdout has the export and nothing else; filters reach the service."""
    result = run("export", "--class", "cup", "--from", "2026-01-02")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout_bytes == (
        b"prediction_id,predicted_class\r\n" + "".join(
            f"{row['prediction_id']},{row['predicted_class']}\r\n" for row in ROWS).encode())
    asked = api.exports.asked[0]
    assert (asked["format"], asked["predicted_class"]) == ("csv", "cup")
    assert asked["from"].startswith("2026-01-02T00:00:00")


@pytest.mark.parametrize("options", [("--format", "ndjson"), ("--json",)], ids=str)
def test_rows_as_json(run: Run, options: tuple[str, ...]) -> None:
    """--json is a row on each line, as --format ndjson is."""
    assert [json.loads(line) for line in run("export", *options).stdout.splitlines()] == [*ROWS]


@pytest.mark.parametrize(("name", "options", "format"), [
    ("a.csv", (), "csv"), ("a.ndjson", (), "ndjson"), ("a.JSONL", (), "ndjson"),
    ("a.txt", (), "csv"), ("a.txt", ("--format", "ndjson"), "ndjson"),
    ("a.zip", ("--dataset",), "imagefolder"), ("a.tfrecord", ("--dataset",), "tfrecord"),
    ("a.csv", ("--dataset",), "csv")])
def test_to_a_file(
    run: Run, api: FakeApi, tmp_path: Path, name: str, options: tuple[str, ...], format: str
) -> None:
    """A file gets the format that is named, else the one that its name ends in."""
    file = tmp_path / name
    result = run("export", "-o", file, *options)
    size = file.stat().st_size
    assert (result.exit_code, result.stdout) == (0, f"{file}: {size} bytes of {format}\n")
    assert api.exports.asked[0]["format"] == format
    assert api.requests == [
        f"GET /api/v1/{'datasets' if '--dataset' in options else 'predictions'}/export"]
    assert [*tmp_path.iterdir()] == [file]


def test_what_was_written_as_json(run: Run, tmp_path: Path) -> None:
    """With a file, --json says what was written, and where."""
    file = tmp_path / "a.csv"
    assert json.loads(run("export", "-o", file, "--json").stdout) == {
        "file": str(file), "format": "csv", "size_bytes": file.stat().st_size}


def test_that_breaks_off(run: Run, api: FakeApi, tmp_path: Path) -> None:
    """What ends too early leaves no file, and what was there before stays."""
    file = tmp_path / "a.csv"
    file.write_text("of yesterday")
    api.exports.cut = 32
    result = run("export", "-o", file)
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.startswith("imgclass: no answer from ")
    assert (file.read_text(), [*tmp_path.iterdir()]) == ("of yesterday", [file])


def test_folder_that_is_not_there(run: Run, tmp_path: Path) -> None:
    """A file that cannot be written is one line."""
    result = run("export", "-o", tmp_path / "missing" / "a.csv")
    assert result.exit_code == 1
    assert result.stderr == (
        f"imgclass: {tmp_path}/missing/a.csv.part cannot be written: "
        "No such file or directory\n")


@pytest.mark.parametrize("options", [
    ("--format", "tfrecord"), ("--format", "csv", "--json"), ("--format", "zip"),
    ("--dataset", "--min-confidence", "0.5"), ("--dataset", "--class", "cup")], ids=str)
def test_options_that_do_not_fit(run: Run, api: FakeApi, options: tuple[str, ...]) -> None:
    """An option that the rest does not allow is a usage error before anything is sent."""
    assert run("export", *options).exit_code == 2
    assert api.requests == []
