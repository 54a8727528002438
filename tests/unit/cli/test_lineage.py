"""`replay`, against the routes that answer it."""
from __future__ import annotations

import json
import uuid
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry
from typer.testing import Result

from common.auth import Authenticator
from common.web import create_web_app
from imgclass.client import Client, ProblemError
from model_admin.replay.repository import RecordedPrediction
from model_admin.replay.routes import create_routes
from tests import command_line, tokens
from tests.environments import settings
from tests.fakes.replays import ARCHIVE, PICTURE, TWIN, Archive, sha256
from tests.served import served


@pytest.fixture
def archive() -> Archive:
    return Archive()


@pytest.fixture
def url(archive: Archive) -> Iterator[str]:
    """Where the archive's predictions are replayed."""
    app = create_web_app(
        "model-admin", Authenticator(settings()), {}, 1000, CollectorRegistry())
    app.register_blueprint(create_routes(archive.service()))
    with served(app) as address:
        yield address


def replay(url: str, archive: Archive, recorded: RecordedPrediction, *more: str) -> Result:
    """Run the command as the prediction's owner."""
    return command_line.run("replay", recorded.prediction_id, "--url", url,
                            "--token", tokens.hs256(archive.owner), *more)


def test_same(url: str, archive: Archive) -> None:
    """Recorded and replayed stand side by side, with every digit, and the verdict below."""
    result = replay(url, archive, archive.classify())
    assert (result.exit_code, result.stderr) == (0, "")
    lines = [line.split("\t") for line in result.stdout.splitlines()]
    assert lines[-1] == ["the same answer, bit for bit"]
    assert lines[:3] == [
        ["answer", "dark 0.4406595826148987", "dark 0.4406595826148987"],
        ["class 1", "dark 0.4406595826148987", "dark 0.4406595826148987"],
        ["class 2", "bright 0.3093404173851013", "bright 0.3093404173851013"]]
    facts = {name: (before, now) for name, before, now in lines[3:-1]}
    assert list(facts) == ["model", "engine", "model digest", "twin digest",
                           "preprocessing digest", "picture's SHA-256"]
    assert facts["model"] == ("v1", "v1")
    for name, data in (("model digest", ARCHIVE), ("twin digest", TWIN),
                       ("picture's SHA-256", PICTURE)):
        assert facts[name] == (f"{sha256(data)[:16]}…",) * 2


def test_other_confidence(url: str, archive: Archive) -> None:
    """An answer that differs ends with 1 and says by how much."""
    top_k = archive.classify(classes=1).answer.top_k
    recorded = archive.classify(
        confidence_score=0.5, top_k=[{**top_k[0], "confidence": 0.5}])
    result = replay(url, archive, recorded)
    assert result.exit_code == 1
    assert result.stdout.startswith("answer\tdark 0.5\tdark 0.4406595826148987\n")
    assert result.stderr == (
        "imgclass: not the same answer: confidences differ by up to 0.059\n")


def test_other_class(url: str, archive: Archive) -> None:
    """A class that somebody changed is another answer, though the confidences are the same."""
    result = replay(url, archive, archive.classify(predicted_class="bright"))
    assert result.exit_code == 1
    assert result.stdout.startswith("answer\tbright 0.4406595826148987\tdark 0.4406595826148987")
    assert result.stderr == "imgclass: not the same answer: confidences differ by up to 0\n"


def test_swapped_picture(url: str, archive: Archive) -> None:
    """What is not as it was recorded is told, and nothing stands in the other column."""
    recorded = archive.classify()
    archive.pictures.put(recorded.object_key, b"another", "image/png")
    result = replay(url, archive, recorded)
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        f"imgclass: The object {recorded.object_key} has the SHA-256 {sha256(b'another')}, "
        f"not {sha256(PICTURE)}.",
        "imgclass: it was not answered again"]
    assert {line.split("\t")[2] for line in result.stdout.splitlines()} == {"-"}


def test_other_model(url: str, archive: Archive) -> None:
    """The same confidences by a model that was not recorded are not the same answer."""
    result = replay(url, archive, archive.classify(model_digest="0" * 64))
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        f"imgclass: The model digest of v1 is {sha256(ARCHIVE)}, not {'0' * 64}.",
        "imgclass: the same answer, but not made by what was recorded"]


def test_tensorflow(url: str, archive: Archive) -> None:
    """An answer of TensorFlow has no twin, and both sides show that."""
    archive.versions.engines["tensorflow"] = archive.versions.engines["litert"]
    archive.versions.engines["tensorflow"].name = "tensorflow"
    result = replay(url, archive, archive.classify(engine="tensorflow"))
    assert result.exit_code == 0
    assert "twin digest\t-\t-\n" in result.stdout


def test_as_json(url: str, archive: Archive) -> None:
    """--json prints all of it, in full, and keeps the exit code."""
    recorded = archive.classify()
    result = replay(url, archive, recorded, "--json")
    document = json.loads(result.stdout)
    assert (result.exit_code, document["same"]) == (0, True)
    assert document["recorded"] == document["replayed"]
    assert document["recorded"]["image_sha256"] == sha256(PICTURE)
    archive.pictures.delete(recorded.object_key)
    result = replay(url, archive, recorded, "--json")
    document = json.loads(result.stdout)
    assert (result.exit_code, document["same"], document["replayed"]) == (1, False, None)
    assert document["findings"] == [f"There is no object {recorded.object_key}."]


def test_refused(url: str, archive: Archive) -> None:
    """What the service refuses is one line."""
    recorded = archive.classify()
    archive.mark(recorded, "deleted")
    result = replay(url, archive, recorded)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "imgclass: Model version v1 was deleted: its predictions cannot be replayed. "
        "(status 409)\n")


def test_not_an_id() -> None:
    """What cannot be an id is a usage error, before anything is sent."""
    assert command_line.run("replay", "7").exit_code == 2


def test_client(url: str, archive: Archive) -> None:
    """The client takes an id as text as well, and raises what the service refuses."""
    recorded = archive.classify()
    with Client(url, tokens.hs256(archive.owner)) as client:
        found = client.replay(str(recorded.prediction_id))
        assert (found.same, found.max_abs_difference, found.findings) == (True, 0.0, ())
        assert found.prediction_id == recorded.prediction_id
        with pytest.raises(ProblemError, match="no such prediction"):
            client.replay(uuid.uuid4())
