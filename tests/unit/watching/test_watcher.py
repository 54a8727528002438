"""Looking into a folder for pictures that are new."""
from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from imgclass.results.predictions import Prediction
from imgclass.watching.memory import Memory
from imgclass.watching.settling import Settling, pictures
from imgclass.watching.watcher import Failed, Refused, Watcher


@dataclass
class Service:
    """Remembers what it was sent, by key; raises `error` if there is one."""

    answers: dict[str, Prediction] = field(default_factory=dict)
    sent: list[bytes] = field(default_factory=list)
    error: Exception | None = None
    meanwhile: Callable[[], object] = lambda: None

    def classify(self, data: bytes, key: str) -> Prediction:
        self.sent.append(data)
        self.meanwhile()
        if self.error is not None:
            raise self.error
        return self.answers.setdefault(key, Prediction(uuid.uuid4(), uuid.uuid4(), "cup", 1.0, 1))


@dataclass
class Bench:
    """A folder with its watcher, on a clock that stands still."""

    folder: Path
    memory: Memory
    service: Service = field(default_factory=Service)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.watcher = Watcher(
            self.folder, self.memory, Settling(2.0, lambda: self.seconds),
            lambda data, key: self.service.classify(data, key))

    def look(self, later: float = 0.0) -> list[tuple[str, str]]:
        """Names and classes, or reasons, of what came up after so many seconds more."""
        self.seconds += later
        return [(seen.name, seen.prediction.predicted_class if seen.prediction else seen.reason)
                for seen in self.watcher.look()]

    def settle(self) -> list[tuple[str, str]]:
        """What comes up once everything has come to rest."""
        return self.look() + self.look(2.0)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    folder = tmp_path / "folder"
    folder.mkdir()
    with Memory(tmp_path / "state", folder) as memory:
        yield Bench(folder, memory)


def test_pictures_of_a_folder(bench: Bench) -> None:
    """Pictures are found at any depth, in order; hidden, empty and other files are not."""
    for name in ("b.jpg", "a.PNG", "below/c.webp", ".d.jpg", ".cache/e.jpg", "f.jpg.part"):
        (bench.folder / name).parent.mkdir(exist_ok=True)
        (bench.folder / name).write_bytes(b"1")
    (bench.folder / "empty.jpg").touch()
    (bench.folder / "folder.jpg").mkdir()
    (bench.folder / "broken.jpg").symlink_to("nowhere")
    assert [name for name, _ in pictures(bench.folder)] == ["a.PNG", "b.jpg", "below/c.webp"]


def test_each_picture_once(bench: Bench) -> None:
    """A picture is classified when it has settled, and never again."""
    (bench.folder / "a.jpg").write_bytes(b"1")
    assert bench.look() == []
    assert bench.watcher.waiting == 1
    assert bench.look(1.9) == []
    assert bench.look(0.1) == [("a.jpg", "cup")]
    assert (bench.look(60), bench.watcher.waiting) == ([], 0)
    assert bench.service.sent == [b"1"]


def test_file_that_is_being_written(bench: Bench) -> None:
    """A file is left alone for as long as it grows, and is then sent whole."""
    for size in range(1, 6):
        (bench.folder / "a.jpg").write_bytes(b"1" * size)
        assert bench.look(1.5) == []
    assert bench.look(2.0) == [("a.jpg", "cup")]
    assert bench.service.sent == [b"11111"]


def test_file_that_goes_before_it_settles(bench: Bench) -> None:
    """A file that is gone is not waited for."""
    (bench.folder / "a.jpg").write_bytes(b"1")
    bench.look()
    (bench.folder / "a.jpg").unlink()
    assert (bench.look(2.0), bench.watcher.waiting, bench.service.sent) == ([], 0, [])


def test_new_bytes_are_a_new_picture(bench: Bench) -> None:
    """A file that is overwritten is classified again, one that is only touched is not."""
    path = bench.folder / "a.jpg"
    path.write_bytes(b"1")
    bench.settle()
    os.utime(path, (1, 1))
    assert bench.settle() == []
    path.write_bytes(b"2")
    assert bench.settle() == [("a.jpg", "cup")]
    assert bench.service.sent == [b"1", b"2"]


def test_refused_picture(bench: Bench) -> None:
    """What the service refuses is told once, and tried again when the file changes."""
    bench.service.error = Refused("no picture")
    (bench.folder / "a.jpg").write_bytes(b"half")
    assert bench.settle() == [("a.jpg", "no picture")]
    assert bench.settle() == []
    bench.service.error = None
    (bench.folder / "a.jpg").write_bytes(b"half and half")
    assert bench.settle() == [("a.jpg", "cup")]


def test_failed_picture(bench: Bench) -> None:
    """A picture at which the service fails is told once; the next watcher tries it again."""
    bench.service.error = Failed("internal error")
    (bench.folder / "a.jpg").write_bytes(b"1")
    assert bench.settle() == [("a.jpg", "internal error")]
    assert bench.settle() == []
    again = Bench(bench.folder, bench.memory)
    assert again.settle() == [("a.jpg", "cup")]


def test_service_that_is_away(bench: Bench) -> None:
    """Any other error ends the look, and the picture is as new as before."""
    (bench.folder / "a.jpg").write_bytes(b"1")
    bench.service.error = ConnectionError()
    bench.look()
    with pytest.raises(ConnectionError):
        bench.look(2.0)
    bench.service.error = None
    assert bench.settle() == [("a.jpg", "cup")]


def test_crash_before_the_answer_is_remembered(bench: Bench, tmp_path: Path) -> None:
    """A picture whose answer was not remembered is sent under the same key: nothing is twice."""
    (bench.folder / "a.jpg").write_bytes(b"1")
    bench.settle()
    state = (tmp_path / "state").read_text().splitlines(keepends=True)
    (tmp_path / "earlier").write_text(state[0])
    with Memory(tmp_path / "earlier", bench.folder) as memory:
        again = Bench(bench.folder, memory, bench.service)
        assert again.settle() == [("a.jpg", "cup")]
    assert (len(bench.service.sent), len(bench.service.answers)) == (2, 1)


def test_equal_pictures_under_two_names(bench: Bench) -> None:
    """Two files are two pictures, whatever is in them."""
    for name in ("a.jpg", "b.jpg"):
        (bench.folder / name).write_bytes(b"1")
    assert len(bench.settle()) == len(bench.service.answers) == 2


def test_file_that_changes_while_it_is_read(bench: Bench) -> None:
    """What is sent are the bytes that have settled; later ones are another picture."""
    path = bench.folder / "a.jpg"
    path.write_bytes(b"1")
    bench.service.meanwhile = lambda: path.write_bytes(b"22")
    assert bench.settle() == [("a.jpg", "cup")]
    bench.service.meanwhile = lambda: None
    assert bench.settle() == [("a.jpg", "cup")]
    assert bench.service.sent == [b"1", b"22"]


def test_only_what_comes_later(bench: Bench) -> None:
    """What lies there already can be left out, until it changes."""
    for name in ("a.jpg", "b.jpg"):
        (bench.folder / name).write_bytes(b"1")
    bench.watcher.skip_all()
    assert bench.settle() == []
    (bench.folder / "b.jpg").write_bytes(b"22")
    (bench.folder / "c.jpg").write_bytes(b"3")
    assert [name for name, _ in bench.settle()] == ["b.jpg", "c.jpg"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_file_that_cannot_be_read(bench: Bench) -> None:
    """The reason is told once."""
    (bench.folder / "a.jpg").write_bytes(b"1")
    (bench.folder / "a.jpg").chmod(0)
    assert bench.settle() == [("a.jpg", "Permission denied")]
    assert bench.settle() == []


def test_file_beyond_all_limits(bench: Bench) -> None:
    """A file too large for any service is not read."""
    with (bench.folder / "a.jpg").open("wb") as file:
        file.truncate(1 << 40)
    ((name, reason),) = bench.settle()
    assert (name, reason) == ("a.jpg", f"it has {1 << 40} bytes, more than any service takes")


def test_folder_that_goes(bench: Bench) -> None:
    """A folder that is away for a while is one without pictures."""
    bench.folder.rename(bench.folder.with_name("elsewhere"))
    assert bench.look() == []
