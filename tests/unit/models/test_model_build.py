"""The build command, as far as it goes without weights."""

from __future__ import annotations

import os
from pathlib import Path

import archive
import build
import inputs
import manifest
import pytest


@pytest.fixture(autouse=True)
def _offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave pip no place to download from."""
    empty = tmp_path / "shelf"
    empty.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(empty))


def _complete(folder: Path) -> None:
    pins = inputs.read_pins(build.INPUTS_FILE).values()
    manifest.write(folder, manifest.describe(pins))


def test_a_complete_model_is_left_as_it_is(model_folder, tmp_path, capsys):
    """With folder and archive in place, nothing is downloaded or written."""
    path = tmp_path / "efficientnet-lite0-v1.zip"
    _complete(model_folder)
    archive.write(model_folder, path)
    before = path.stat()
    assert build.main([str(model_folder)]) == 0
    assert capsys.readouterr().out.endswith(": nothing to do\n")
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_lost_archive_is_packed_again_from_a_complete_model(model_folder, tmp_path):
    """The archive alone needs no download."""
    path = tmp_path / "elsewhere" / "model.zip"
    _complete(model_folder)
    assert build.main([str(model_folder), "--archive", str(path)]) == 0
    assert archive.is_current(model_folder, path)


def test_a_failed_build_leaves_the_old_model_and_nothing_else(model_folder, tmp_path, capsys):
    """An outdated model stays until a new one is whole; the failure is one line."""
    (model_folder / "manifest.json").write_text("{}", encoding="utf-8")
    left_by_a_killed_build = tmp_path / ".model.partial"
    left_by_a_killed_build.mkdir()
    assert build.main([str(model_folder)]) == 1
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1 and "check the network" in printed
    assert (model_folder / "manifest.json").read_text(encoding="utf-8") == "{}"
    assert sorted(os.listdir(tmp_path)) == ["inputs", "model", "shelf"]


@pytest.mark.parametrize("extra", [[], ["--archive", "{out}/model.zip"], ["--cache", "{out}/c"]])
def test_files_of_others_are_never_replaced(model_folder, capsys, extra):
    """A folder with anything but a model in it is refused, and no path may point into it."""
    _complete(model_folder)
    (model_folder / "labels.txt").write_text("mine\n", encoding="utf-8")
    if not extra:
        (model_folder / "notes.txt").write_text("mine", encoding="utf-8")
    before = sorted(model_folder.rglob("*"))
    assert build.main([str(model_folder), *(part.format(out=model_folder) for part in extra)]) == 1
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    assert ("must lie outside" if extra else "holds other files") in printed
    assert sorted(model_folder.rglob("*")) == before
    assert (model_folder / "labels.txt").read_text(encoding="utf-8") == "mine\n"
