"""Secrets are made once and kept from others."""
from __future__ import annotations

from pathlib import Path

import pytest

from imgclass.embedded.errors import StackError
from imgclass.embedded.secret_files import GENERATORS, ensure, read, write


def test_every_secret_is_made_private(tmp_path: Path) -> None:
    """Each secret is a file of its own that only its owner can read."""
    ensure(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(GENERATORS)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    assert len({read(tmp_path, name) for name in GENERATORS}) == len(GENERATORS)


def test_lengths_suit_their_readers(tmp_path: Path) -> None:
    """Keys of tokens are long enough for the functions, S3 keys short enough for the servers."""
    ensure(tmp_path)
    assert len(read(tmp_path, "jwt-secret").encode()) >= 32
    for name in ("minio-access-key", "minio-root-user"):
        assert 3 <= len(read(tmp_path, name)) <= 20
    for name in ("minio-secret-key", "minio-root-password"):
        assert 8 <= len(read(tmp_path, name)) <= 40
    assert len(read(tmp_path, "events-token")) >= 16


def test_secrets_stay(tmp_path: Path) -> None:
    """A second start changes no secret, adds what is missing, and closes what was opened."""
    ensure(tmp_path)
    before = {name: read(tmp_path, name) for name in GENERATORS}
    (tmp_path / "jwt-secret").unlink()
    (tmp_path / "postgres-password").chmod(0o644)
    ensure(tmp_path)
    after = {name: read(tmp_path, name) for name in GENERATORS}
    assert {name for name in GENERATORS if before[name] != after[name]} == {"jwt-secret"}
    assert (tmp_path / "postgres-password").stat().st_mode & 0o777 == 0o600


def test_missing_secret_is_one_line(tmp_path: Path) -> None:
    """A secret that is not there is named."""
    with pytest.raises(StackError, match="jwt-secret cannot be read: No such file"):
        read(tmp_path, "jwt-secret")


def test_file_is_replaced_whole(tmp_path: Path) -> None:
    """What an interrupted write left does not stand in the way of the next."""
    (tmp_path / "file.new").write_text("half")
    write(tmp_path / "file", "whole")
    write(tmp_path / "file", "again")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("file", "again")]
