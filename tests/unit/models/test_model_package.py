"""The manifest and the archive of a built model."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zipfile

import archive
import manifest
import pytest

DESCRIPTION = manifest.describe(["weights==1", "labels==2"])


def test_the_manifest_lists_every_file_with_its_digest(model_folder):
    """Every file but the manifest, even an earlier one, is listed by its path with slashes."""
    (model_folder / "manifest.json").write_text("{}", encoding="utf-8")
    manifest.write(model_folder, DESCRIPTION)
    found = json.loads((model_folder / "manifest.json").read_text(encoding="utf-8"))
    assert found.pop("files") == {
        "labels.txt": hashlib.sha256(b"cat\ndog\n").hexdigest(),
        "saved_model/saved_model.pb": hashlib.sha256(b"graph").hexdigest(),
        "saved_model/variables/variables.index": hashlib.sha256(b"index").hexdigest(),
    }
    assert found == DESCRIPTION


def test_a_folder_is_complete_only_while_nothing_differs(model_folder):
    """A changed file, a lost file and a manifest of something else all call for a new build."""
    assert not manifest.is_complete(model_folder, DESCRIPTION)
    manifest.write(model_folder, DESCRIPTION)
    assert manifest.is_complete(model_folder, DESCRIPTION)
    assert not manifest.is_complete(model_folder, {**DESCRIPTION, "version": "v2"})
    (model_folder / "labels.txt").write_text("cat\ncow\n", encoding="utf-8")
    assert not manifest.is_complete(model_folder, DESCRIPTION)
    (model_folder / "labels.txt").unlink()
    assert not manifest.is_complete(model_folder, DESCRIPTION)


def test_the_same_files_give_the_same_archive(model_folder, tmp_path):
    """Times, modes and the order on disk leave no trace in the archive."""
    manifest.write(model_folder, DESCRIPTION)
    copy = tmp_path / "copy"
    for name in reversed(["manifest.json", *manifest.files(model_folder)]):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(model_folder / name, copy / name)
        os.utime(copy / name, (0, 1_000_000_000))
        os.chmod(copy / name, 0o600)
    archive.write(model_folder, tmp_path / "one.zip")
    archive.write(copy, tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_the_archive_holds_the_manifest_and_the_files_it_lists(model_folder, tmp_path):
    """A file the manifest does not list stays out; no partial file stays beside the archive."""
    manifest.write(model_folder, DESCRIPTION)
    (model_folder / "notes.txt").write_text("mine", encoding="utf-8")
    path = tmp_path / "archives" / "model.zip"
    archive.write(model_folder, path)
    with zipfile.ZipFile(path) as packed:
        assert packed.testzip() is None
        assert packed.namelist() == ["labels.txt", "manifest.json", "saved_model/saved_model.pb",
                                     "saved_model/variables/variables.index"]
    assert os.listdir(path.parent) == ["model.zip"]


def test_an_archive_is_current_only_with_the_same_contents(model_folder, tmp_path):
    """An absent, a cut and an outdated archive are all packed anew."""
    manifest.write(model_folder, DESCRIPTION)
    path = tmp_path / "model.zip"
    assert not archive.is_current(model_folder, path)
    archive.write(model_folder, path)
    assert archive.is_current(model_folder, path)
    path.write_bytes(path.read_bytes()[:-4])
    assert not archive.is_current(model_folder, path)
    archive.write(model_folder, path)
    manifest.write(model_folder, {**DESCRIPTION, "version": "v2"})
    assert not archive.is_current(model_folder, path)


def test_a_failed_write_leaves_the_earlier_archive_alone(model_folder, tmp_path):
    """What was there before stays until the new archive is whole."""
    manifest.write(model_folder, DESCRIPTION)
    path = tmp_path / "model.zip"
    path.write_bytes(b"earlier")
    (model_folder / "saved_model" / "variables" / "variables.index").unlink()
    with pytest.raises(FileNotFoundError):
        archive.write(model_folder, path)
    assert path.read_bytes() == b"earlier"
    assert sorted(os.listdir(tmp_path)) == ["model", "model.zip"]
