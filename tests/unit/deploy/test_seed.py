"""The first model: registered once, and never against somebody's decision."""
from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.jobs.seed import Rejected, seed
from imgclass.client import Client
from imgclass.embedded.ports import free_port
from tests.environments import environment
from tests.fakes.api import SECRET, FakeApi, model_archive, token

ROOT = Path(__file__).parents[3]


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with FakeApi(looks_until_validated=0) as running:
        yield running


@pytest.fixture
def client(api: FakeApi) -> Iterator[Client]:
    with Client(api.url, token(admin=True)) as connected:
        yield connected


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return model_archive(tmp_path / "model.zip", "v1")


def test_first_model(api: FakeApi, client: Client, archive: Path) -> None:
    """Where there is no model, the archive's is registered and answers."""
    assert seed(client, archive) == "tiny v1 is active"
    assert api.models["v1"]["is_active"]


def test_taken_up_again(api: FakeApi, client: Client, archive: Path) -> None:
    """What an interrupted run has registered is activated by the next one."""
    client.register_model(archive)
    assert seed(client, archive) == "tiny v1 is active"


def test_another_model(api: FakeApi, client: Client, archive: Path, tmp_path: Path) -> None:
    """Where somebody has registered a model, which one answers is theirs to say."""
    client.register_model(model_archive(tmp_path / "other.zip", "v0"))
    assert seed(client, archive) == "there are models already: nothing to do"
    assert list(api.models) == ["v0"]


def test_deactivated_model(api: FakeApi, client: Client, archive: Path) -> None:
    """A first model that was taken out of service is not brought back."""
    seed(client, archive)
    client.deactivate_model("v1")
    api.models["v1"]["activated_at"] = "2026-01-01T00:00:00Z"
    assert seed(client, archive) == "there are models already: nothing to do"
    assert not api.models["v1"]["is_active"]


def test_rejected_model(client: Client, tmp_path: Path) -> None:
    """A model that does not pass its validation is an error that says why."""
    with pytest.raises(Rejected, match="The graph has unsafe ops."):
        seed(client, model_archive(tmp_path / "model.zip", "v1", b"unsafe"))


def run(*arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """The job as docker-compose.yml starts it."""
    settings = environment(
        JWT_SECRET=SECRET, JWT_ISSUER="imgclass", JWT_AUDIENCE="imgclass", **changes)
    return subprocess.run(
        [sys.executable, "deploy/jobs/seed.py", *arguments], cwd=ROOT, timeout=60, text=True,
        env={**settings, "PYTHONPATH": str(ROOT)}, capture_output=True)


def test_job(api: FakeApi, archive: Path) -> None:
    """The job signs its own token."""
    done = run(api.url, str(archive))
    assert (done.returncode, done.stdout) == (0, "seed: tiny v1 is active\n"), done.stderr


@pytest.mark.parametrize(("archive", "changes"), [
    ("none", {}), ("/model.zip", {
        "JWT_ALGORITHM": "RS256", "JWT_JWKS_URL": "https://issuer.example/keys"})])
def test_nothing_asked_for(archive: str, changes: dict[str, str]) -> None:
    """Without a first model, or with tokens that others sign, there is nothing to be done."""
    assert run(f"http://127.0.0.1:{free_port()}", archive, **changes).returncode == 0


def test_nobody_answers(archive: Path) -> None:
    """Without model-admin it ends with one line that says so."""
    done = run(f"http://127.0.0.1:{free_port()}", str(archive))
    assert done.returncode == 1
    assert done.stderr.startswith("seed: ") and len(done.stderr.splitlines()) == 1
