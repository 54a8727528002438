"""Files of models: fetched once, compared with their digest, never trusted before."""
from __future__ import annotations

import hashlib
import io
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from common.errors import NotFound, StoreUnavailable
from common.inference.files import ModelFiles
from common.model_store import archive_key, labels_key, model_path, twin_key
from tests.fakes.storage import InMemoryObjectStore

LABELS, TWIN = b"cat\ndog\n", b"TFL3" * 1000
PATH = model_path("v1", "a" * 64)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def archive() -> bytes:
    """A model's archive as far as it matters here."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as zipped:
        zipped.writestr("manifest.json", "{}")
        zipped.writestr("saved_model/saved_model.pb", "graph")
        zipped.writestr("saved_model/variables/variables.index", "index")
    return file.getvalue()


@pytest.fixture
def store() -> InMemoryObjectStore:
    made = InMemoryObjectStore()
    made.put(labels_key(PATH), LABELS, "text/plain")
    made.put(twin_key(PATH), TWIN, "application/octet-stream")
    made.put(archive_key(PATH), archive(), "application/zip")
    return made


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A cache that does not exist yet."""
    return tmp_path / "cache" / "models"


@pytest.fixture
def files(store: InMemoryObjectStore, directory: Path) -> ModelFiles:
    return ModelFiles(store, directory)


def test_keys_of_a_model() -> None:
    """A model's objects lie below its version and its archive's digest."""
    assert PATH == "v1/" + "a" * 64
    assert archive_key(PATH) == f"{PATH}/archive.zip"
    assert twin_key(PATH) == f"{PATH}/twin.tflite"
    assert labels_key(PATH) == f"{PATH}/labels.txt"


def test_labels_and_twin(files: ModelFiles) -> None:
    """Each file is fetched from its place."""
    assert files.labels(PATH, sha256(LABELS)).read_bytes() == LABELS
    assert files.twin(PATH, sha256(TWIN)).read_bytes() == TWIN


def test_saved_model(files: ModelFiles) -> None:
    """The SavedModel is unpacked from the archive."""
    folder = files.saved_model(PATH, sha256(archive()))
    assert (folder / "saved_model.pb").read_text() == "graph"
    assert (folder / "variables" / "variables.index").read_text() == "index"


def test_fetched_once(files: ModelFiles, store: InMemoryObjectStore) -> None:
    """What is in the cache needs no store: a restarted process serves while the store is down."""
    first = (files.twin(PATH, sha256(TWIN)), files.saved_model(PATH, sha256(archive())))
    store.down = True
    assert (files.twin(PATH, sha256(TWIN)), files.saved_model(PATH, sha256(archive()))) == first


def test_baked_files(store: InMemoryObjectStore, directory: Path, tmp_path: Path) -> None:
    """What came with the image is used without a store and without a copy in the cache."""
    store.down = True
    baked = tmp_path / "baked"
    baked.mkdir()
    for data in (LABELS, TWIN, archive()):
        (baked / sha256(data)).write_bytes(data)
    files = ModelFiles(store, directory, baked)
    assert files.labels(PATH, sha256(LABELS)) == baked / sha256(LABELS)
    assert files.twin(PATH, sha256(TWIN)) == baked / sha256(TWIN)
    assert (files.saved_model(PATH, sha256(archive())) / "saved_model.pb").is_file()
    assert [path.name for path in directory.iterdir()] == [f"{sha256(archive())}.unpacked"]


def test_files_that_were_not_baked(store: InMemoryObjectStore, tmp_path: Path) -> None:
    """Any other model comes from the bucket, whether or not something came with the image."""
    files = ModelFiles(store, tmp_path / "cache", tmp_path / "absent")
    assert files.twin(PATH, sha256(TWIN)) == tmp_path / "cache" / sha256(TWIN)


def test_wrong_digest_is_refused(
    files: ModelFiles, store: InMemoryObjectStore, directory: Path,
) -> None:
    """A file that is not what its digest says is neither used nor kept."""
    store.put(twin_key(PATH), TWIN + b"tampered", "application/octet-stream")
    store.put(archive_key(PATH), archive() + b"tampered", "application/zip")
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match=sha256(TWIN)):
            files.twin(PATH, sha256(TWIN))
        with pytest.raises(StoreUnavailable):
            files.saved_model(PATH, sha256(archive()))
    assert list(directory.iterdir()) == []


def test_repaired_file_is_used(files: ModelFiles, store: InMemoryObjectStore) -> None:
    """Once the store has the right file it is fetched again."""
    store.put(twin_key(PATH), TWIN[:100], "application/octet-stream")
    with pytest.raises(StoreUnavailable):
        files.twin(PATH, sha256(TWIN))
    store.put(twin_key(PATH), TWIN, "application/octet-stream")
    assert files.twin(PATH, sha256(TWIN)).read_bytes() == TWIN


def test_missing_file(files: ModelFiles, directory: Path) -> None:
    """A model without the file asked for leaves nothing behind."""
    with pytest.raises(NotFound):
        files.twin(model_path("v2", "b" * 64), sha256(TWIN))
    assert list(directory.iterdir()) == []


def test_store_down(files: ModelFiles, store: InMemoryObjectStore, directory: Path) -> None:
    """A store that does not answer leaves nothing behind either."""
    store.down = True
    with pytest.raises(StoreUnavailable):
        files.labels(PATH, sha256(LABELS))
    assert list(directory.iterdir()) == []


def test_broken_archive(files: ModelFiles, store: InMemoryObjectStore, directory: Path) -> None:
    """An archive that has its digest and is no zip leaves no half-unpacked folder."""
    store.put(archive_key(PATH), b"no zip", "application/zip")
    with pytest.raises(zipfile.BadZipFile):
        files.saved_model(PATH, sha256(b"no zip"))
    assert [path.name for path in directory.iterdir()] == [sha256(b"no zip")]


def test_processes_that_share_a_cache(store: InMemoryObjectStore, directory: Path) -> None:
    """Several that fetch the same model at once all get it."""
    together = threading.Barrier(4)

    def fetch(_number: int) -> str:
        together.wait(10)
        folder = ModelFiles(store, directory).saved_model(PATH, sha256(archive()))
        return (folder / "saved_model.pb").read_text()

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(fetch, range(4))) == ["graph"] * 4
    assert len(list(directory.iterdir())) == 2
