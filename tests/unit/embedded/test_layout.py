"""The folder of all state: made, guarded and emptied."""
from __future__ import annotations

import os
from pathlib import Path

import pytest

from imgclass.embedded import layout as layout_module
from imgclass.embedded.environment import clean
from imgclass.embedded.errors import StackError
from imgclass.embedded.layout import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path, tmp_path / "a new" / "var")


def test_folders_are_made(layout: Layout) -> None:
    """All folders are there afterwards, the secrets' for their owner alone; twice is fine."""
    for _ in range(2):
        layout.prepare()
    assert layout.is_ours()
    assert {path.name for path in layout.var.iterdir() if path.is_dir()} == {
        "secrets", "postgres", "objects", "events", "logs", "run", "models", "model-cache", "home",
        "tmp"}
    assert layout.secrets.stat().st_mode & 0o777 == 0o700


def test_foreign_folder_is_refused(tmp_path: Path) -> None:
    """A folder that holds something else is not filled, nor ever emptied."""
    (tmp_path / "logs").mkdir()
    with pytest.raises(StackError, match="holds something else: name an empty folder"):
        Layout(Path("/checkout"), tmp_path).prepare()
    assert [path.name for path in tmp_path.iterdir()] == ["logs"]


def test_checkouts_own_folder_is_taken(tmp_path: Path) -> None:
    """In a checkout, `var` is ours, also when the model was built in it first."""
    (tmp_path / "var" / "models").mkdir(parents=True)
    layout = Layout(tmp_path, tmp_path / "var")
    layout.prepare()
    assert layout.is_ours()


def test_full_disk_is_one_line(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too little room is noticed before anything is started."""
    monkeypatch.setattr(layout_module, "NEEDED_BYTES", 10 ** 18)
    with pytest.raises(StackError, match="GB are free at .*: make room for"):
        layout.prepare()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_unwritable_folder_is_one_line(tmp_path: Path) -> None:
    """A folder of somebody else's is named."""
    tmp_path.chmod(0o500)
    with pytest.raises(StackError, match="cannot be written .*: run this as the owner"):
        Layout(tmp_path, tmp_path / "var").prepare()


def test_file_in_the_way_is_one_line(tmp_path: Path) -> None:
    """A file where the folder should be is named."""
    (tmp_path / "var").touch()
    with pytest.raises(StackError, match="var cannot be written"):
        Layout(tmp_path, tmp_path / "var").prepare()


def test_data_is_removed_and_the_model_stays(layout: Layout) -> None:
    """Cleaning removes all but the built model."""
    layout.prepare()
    for path in (layout.models / "model.zip", layout.secrets / "key", layout.ports):
        path.touch()
    layout.remove_data()
    assert (layout.models / "model.zip").exists()
    assert {path.name for path in layout.var.iterdir()} == {".imgclass", "models"}


def test_environment_is_built_from_nothing(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process gets a home of the stack's, and none of the developer's variables."""
    for name in ("AWS_PROFILE", "POSTGRES_HOST", "MINIO_ENDPOINT", "PYTHONPATH", "HTTP_PROXY"):
        monkeypatch.setenv(name, "the developer's own")
    assert clean(layout, "/bin", {"PORT": "1"}) == {
        "PATH": "/bin", "HOME": str(layout.home), "TMPDIR": str(layout.tmp), "LANG": "C.UTF-8",
        "PORT": "1"}
