"""Users' pictures, drawn at random for models that bring none."""
from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from common.config import Settings
from common.db import Database
from common.errors import DatabaseUnavailable, StoreUnavailable
from model_admin.validation import stored_pictures
from model_admin.validation.stored_pictures import MAX_PICTURES, StoredPictures
from tests.databases import query
from tests.environments import settings
from tests.fakes.storage import InMemoryObjectStore


def key(number: int) -> str:
    return f"2026/01/31/{number}.jpg"


def add_images(database_settings: Settings, store: InMemoryObjectStore, count: int) -> None:
    """Store pictures of 1,000 bytes; the picture's number is in them."""
    user = uuid.uuid4()
    query(database_settings, "INSERT INTO users VALUES (%s, 'cat@example.org')", user)
    query(database_settings, """
        INSERT INTO images (user_id, filename, object_key, content_type, size_bytes,
                            sha256, width, height, source)
        SELECT %s, 'cat.jpg', format('2026/01/31/%%s.jpg', number), 'image/jpeg', 1000,
               decode(repeat('ab', 32), 'hex'), 8, 8, 'http'
        FROM generate_series(0, %s - 1) AS number""", user, count)
    for number in range(count):
        store.objects[key(number)] = (str(number).encode(), "image/jpeg")


def drawn(database: Database, store: InMemoryObjectStore, folder: Path) -> list[int]:
    """The numbers of the pictures that were drawn, sorted."""
    StoredPictures(database, store).draw(folder)
    return sorted(int(path.read_bytes()) for path in folder.iterdir())


@pytest.fixture
def store() -> InMemoryObjectStore:
    return InMemoryObjectStore()


def test_all(
    database: Database, database_settings: Settings, store: InMemoryObjectStore, tmp_path: Path
) -> None:
    """As long as there are few, each is drawn once, wherever in them the choice begins."""
    add_images(database_settings, store, 7)
    for attempt in range(5):
        assert drawn(database, store, tmp_path / str(attempt)) == [*range(7)]


def test_choice(
    database: Database, database_settings: Settings, store: InMemoryObjectStore, tmp_path: Path
) -> None:
    """Of many a limited number is drawn, never one twice, and others the next time."""
    add_images(database_settings, store, 20 * MAX_PICTURES)
    choices = {tuple(drawn(database, store, tmp_path / str(attempt))) for attempt in range(5)}
    assert len(choices) == 5
    for choice in choices:
        assert len(choice) == len(set(choice)) == MAX_PICTURES


def test_plan(database_settings: Settings, store: InMemoryObjectStore) -> None:
    """However many images there are, the index is read from the chosen place, and no more."""
    add_images(database_settings, store, 3000)
    query(database_settings, "ANALYZE images")
    text = Path(stored_pictures.__file__).with_name("queries.sql").read_text(encoding="utf-8")
    statement = text.split("-- name: sample_images\n")[1].split("-- name:")[0]
    # Not close to either end, where reading all that is left would be as good.
    middle = uuid.UUID(int=1 << 127)
    statement = statement.replace(":start", f"'{middle}'").replace(":count", "100")
    lines = query(database_settings, f"EXPLAIN {statement}")
    plan = "\n".join(row["QUERY PLAN"] for row in lines)
    assert plan.count("Index Scan using images_pkey") == 2
    assert "Seq Scan" not in plan and "Sort" not in plan


def test_none(database: Database, store: InMemoryObjectStore, tmp_path: Path) -> None:
    """Where nobody has sent a picture yet none is drawn."""
    assert drawn(database, store, tmp_path / "calibration") == []


def test_missing_object(
    database: Database, database_settings: Settings, store: InMemoryObjectStore, tmp_path: Path
) -> None:
    """A picture that was erased meanwhile is left out."""
    add_images(database_settings, store, 5)
    del store.objects[key(3)]
    assert drawn(database, store, tmp_path / "calibration") == [0, 1, 2, 4]


def test_bytes(
    database: Database, database_settings: Settings, store: InMemoryObjectStore, tmp_path: Path
) -> None:
    """Pictures fill no disk: what would exceed the limit stays where it is."""
    add_images(database_settings, store, 5)
    query(database_settings, "UPDATE images SET size_bytes = %s WHERE object_key = %s",
          stored_pictures.MAX_BYTES - 3999, key(0))
    found = drawn(database, store, tmp_path / "calibration")
    assert found in ([1, 2, 3, 4], *([0, *(n for n in range(1, 5) if n != gone)]
                                     for gone in range(1, 5)))


def test_outages(
    database: Database, database_settings: Settings, store: InMemoryObjectStore, tmp_path: Path
) -> None:
    """The caller is told which part does not answer."""
    add_images(database_settings, store, 1)
    store.down = True
    with pytest.raises(StoreUnavailable):
        drawn(database, store, tmp_path / "calibration")
    with pytest.raises(DatabaseUnavailable):
        drawn(Database(settings(), size=1), store, tmp_path / "calibration")
