"""The validating worker, with archives that never reach TensorFlow."""
from __future__ import annotations

import hashlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from common.errors import DatabaseUnavailable
from common.model_store import archive_key
from model_admin.validation.worker import MAX_ATTEMPTS, RETRY_SECONDS, ValidationWorker
from tests.archives import archive, members, pack
from tests.contracts.registry import new_version
from tests.fakes.registry import InMemoryClaimRepository, InMemoryVersionRepository, now
from tests.fakes.storage import InMemoryObjectStore

LIMIT = 1 << 20
BROKEN = pack({"labels.txt": b"x"})


class Bench:
    """Workers, what they claim from, and where the archives are."""

    def __init__(self) -> None:
        self.versions = InMemoryVersionRepository()
        self.store = InMemoryObjectStore()

    def worker(self, store: InMemoryObjectStore | None = None) -> ValidationWorker:
        return ValidationWorker(
            InMemoryClaimRepository(self.versions), store or self.store, 60, LIMIT, 1)

    def register(self, data: bytes, version: str = "v1", digest: str | None = None) -> None:
        """Have an archive waiting for its validation."""
        new = new_version(version, digest=digest or hashlib.sha256(data).hexdigest())
        self.versions.insert(new)
        self.store.put(archive_key(new.model_path), data, "application/zip")

    def elapse(self, version: str = "v1") -> None:
        """Let the lease run out."""
        self.versions.rows[version]["lease_until"] = now() - timedelta(seconds=1)

    def verdict(self, version: str = "v1") -> tuple[str, str]:
        row = self.versions.rows[version]
        return row["state"], (row["report"] or {}).get("reason", "")


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_nothing_to_do(bench: Bench) -> None:
    """Without a version there is nothing to prove."""
    assert bench.worker().run_once() is False


def test_bad_archive(bench: Bench) -> None:
    """An archive that breaks a rule is rejected at once, with the reason."""
    bench.register(BROKEN)
    assert bench.worker().run_once() is True
    assert bench.verdict() == ("rejected", "The archive has no manifest.json.")
    assert bench.versions.rows["v1"]["validated_at"] is not None
    assert bench.worker().run_once() is False


def test_lease_is_renewed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A validation that takes longer than its lease keeps the version."""
    monkeypatch.setattr("model_admin.validation.worker.LEASE_SECONDS", 0.05)

    class SlowStore(InMemoryObjectStore):
        """Hands an archive out only when its lease was renewed a few times."""

        def download(self, key: str, path: Path) -> None:
            claimed, renewals = bench.versions.rows["v1"]["lease_until"], set()
            deadline = time.monotonic() + 10
            while len(renewals) < 3:
                assert time.monotonic() < deadline
                renewals.add(bench.versions.rows["v1"]["lease_until"])
                renewals.discard(claimed)
                time.sleep(0.001)
            bench.store.download(key, path)

    bench.register(BROKEN)
    bench.worker(SlowStore()).run_once()
    assert bench.verdict()[0] == "rejected"


def test_exchanged_archive(bench: Bench) -> None:
    """An archive that is not the one that was registered is rejected, good or not."""
    bench.register(archive(), digest="f" * 64)
    bench.worker().run_once()
    assert bench.verdict() == (
        "rejected", "The stored archive is not the one that was registered.")


def test_store_down(bench: Bench) -> None:
    """An outage of the store postpones the validation, as often as it takes."""
    bench.register(BROKEN)
    bench.store.down = True
    for _ in range(MAX_ATTEMPTS + 2):
        assert bench.worker().run_once() is True
        assert bench.verdict() == ("validating", "")
        rests = bench.versions.rows["v1"]["lease_until"] - now()
        assert 0 < rests.total_seconds() <= RETRY_SECONDS
        bench.elapse()
    bench.store.down = False
    bench.worker().run_once()
    assert bench.verdict()[0] == "rejected"


def test_missing_archive(bench: Bench) -> None:
    """An archive that is gone is looked for a few times, then given up."""
    bench.register(BROKEN)
    bench.store.objects.clear()
    for _ in range(MAX_ATTEMPTS - 1):
        bench.worker().run_once()
        assert bench.verdict() == ("validating", "")
        bench.elapse()
    bench.worker().run_once()
    state, reason = bench.verdict()
    assert state == "rejected"
    assert reason.startswith(f"The validation failed {MAX_ATTEMPTS} times: There is no object ")


def test_disk_full(bench: Bench) -> None:
    """A worker that cannot write its files tries again later."""
    class FullDisk(InMemoryObjectStore):
        def download(self, key: str, path: Path) -> None:
            raise OSError(28, "No space left on device")

    bench.register(BROKEN)
    bench.worker(FullDisk()).run_once()
    assert bench.verdict() == ("validating", "")
    bench.elapse()
    bench.worker().run_once()
    assert bench.verdict()[0] == "rejected"


def test_abandoned(bench: Bench) -> None:
    """Workers that die with a version give it to the next, but not for ever."""
    bench.register(archive())
    claims = InMemoryClaimRepository(bench.versions)
    for _ in range(MAX_ATTEMPTS):
        assert claims.claim(60) is not None  # and the process is killed
        assert bench.worker().run_once() is False
        bench.elapse()
    assert bench.worker().run_once() is True
    assert bench.verdict() == (
        "rejected", f"The validation was abandoned {MAX_ATTEMPTS} times.")


def test_abandoned_once(bench: Bench) -> None:
    """What one worker left undone another one does."""
    bench.register(BROKEN)
    InMemoryClaimRepository(bench.versions).claim(60)
    bench.elapse()
    bench.worker().run_once()
    assert bench.verdict() == ("rejected", "The archive has no manifest.json.")


def test_database_down(bench: Bench) -> None:
    """Without the database nothing can be claimed; the caller is told."""
    bench.versions.down = True
    with pytest.raises(DatabaseUnavailable):
        bench.worker().run_once()


def test_hostile_reason(bench: Bench) -> None:
    """A reason made of what the model calls itself stays short and can be stored."""
    name = "x" * 60_000 + ".h5"
    bench.register(pack({**members(), name: b"x"}))
    bench.worker().run_once()
    state, reason = bench.verdict()
    assert state == "rejected"
    assert len(reason) <= 2000 and "\0" not in reason


def test_one_at_a_time(bench: Bench) -> None:
    """Workers at the same moment never prove one version twice."""
    busy: list[str] = []
    together: list[int] = []
    lock, gate = threading.Lock(), threading.Barrier(4)

    class SlowStore(InMemoryObjectStore):
        def download(self, key: str, path: Path) -> None:
            with lock:
                busy.append(key)
                together.append(len(busy))
            gate.wait(30)  # all four downloads overlap
            bench.store.download(key, path)

    for number in range(4):
        bench.register(BROKEN, version=f"v{number}")
    with ThreadPoolExecutor(8) as executor:
        done = [*executor.map(
            lambda _: bench.worker(SlowStore()).run_once(), range(8))]
    assert sorted(done) == [False] * 4 + [True] * 4
    assert len(busy) == len(set(busy)) == max(together) == 4
    assert {bench.verdict(f"v{number}")[0] for number in range(4)} == {"rejected"}


def test_started(bench: Bench) -> None:
    """A started worker proves what comes, at once when it is woken, and outlives outages."""
    done = threading.Event()

    class Watching(InMemoryClaimRepository):
        def conclude(self, *arguments: object) -> None:
            super().conclude(*arguments)  # type: ignore[arg-type]  # passed on as they are
            done.set()

    worker = ValidationWorker(Watching(bench.versions), bench.store, 60, LIMIT, 1)
    bench.versions.down = True
    worker.start()
    bench.versions.down = False
    bench.register(BROKEN)
    worker.wake()
    assert done.wait(3)
    assert bench.verdict() == ("rejected", "The archive has no manifest.json.")
