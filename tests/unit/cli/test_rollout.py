"""What decides which models answer, and `models push` of an archive in the bucket."""
from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from imgclass.cli.main import app
from imgclass.client import Client, ProblemError
from tests.command_line import Run
from tests.fakes.api import FakeApi, model_archive, token

REPLICA = {
    "replica_id": str(uuid.uuid4()), "host": "node-1", "problem": None,
    "seen_at": "2026-01-01T00:00:00Z", "serving": {
        "active": {"version": "v1", "digest": "1" * 64, "engine": "litert"},
        "canary": {"version": "v2", "digest": "2" * 64, "engine": "tensorflow"},
        "shadow": {"version": "v2", "digest": "2" * 64, "engine": "tensorflow"}}}


@pytest.fixture
def client(api: FakeApi) -> Iterator[Client]:
    with Client(api.url, token(admin=True)) as connected:
        yield connected


@pytest.fixture(autouse=True)
def models(client: Client, tmp_path: Path) -> None:
    """v1 is active; v2 and v3 are ready."""
    for version in ("v1", "v2", "v3"):
        client.register_model(model_archive(tmp_path / "model.zip", version))
        client.wait_for_model(version)
    client.activate_model("v1")


def says(run: Run, *arguments: object) -> str:
    """What a command that succeeds prints."""
    result = run("models", *arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout.rstrip("\n")


def roles(run: Run) -> dict[str, str]:
    """The versions that `models list` shows, and their roles."""
    lines = (line.split("\t") for line in says(run, "list").splitlines())
    return {version: role for version, _, role, _ in lines}


def test_roles_are_listed(run: Run) -> None:
    """The list shows who answers, whom, and who watches."""
    run("models", "canary", "v2", 5)
    run("models", "shadow", "v3")
    assert roles(run) == {"v1": "active", "v2": "canary 5 %", "v3": "shadow"}
    assert "role\tcanary 5 %" in says(run, "show", "v2").splitlines()


def test_canary_keeps_shadow(run: Run, api: FakeApi) -> None:
    """The share changes alone; 0 ends it."""
    assert says(run, "shadow", "v2") == "v2 is shadow"
    assert says(run, "canary", "v2", 25) == "v2 is canary 25 %, shadow"
    assert says(run, "canary", "v2", 0) == "v2 is shadow"
    assert api.rollout.bodies == [
        {"canary_percent": share, "shadow": True} for share in (0, 25, 0)]


def test_shadow_keeps_canary(run: Run, api: FakeApi) -> None:
    """Watching begins and ends without a change of the share."""
    assert says(run, "canary", "v2", 100) == "v2 is canary 100 %"
    assert says(run, "shadow", "v2") == "v2 is canary 100 %, shadow"
    assert says(run, "shadow", "v2", "--off") == "v2 is canary 100 %"
    assert [body["shadow"] for body in api.rollout.bodies] == [False, True, False]


@pytest.mark.parametrize("share", ["-1", "101", "half", "2.5"])
def test_share_that_cannot_be(run: Run, api: FakeApi, share: str) -> None:
    """A share is a whole number from 0 to 100; anything else is a usage error."""
    assert run("models", "canary", "v2", "--", share).exit_code == 2
    assert api.rollout.bodies == []


def test_deactivate(run: Run) -> None:
    """A version loses every role."""
    assert says(run, "deactivate", "v1") == "v1 is in no role"
    assert roles(run) == {"v1": "-", "v2": "-", "v3": "-"}


def test_rollback(run: Run) -> None:
    """The version before the active one answers again."""
    run("models", "activate", "v2")
    assert says(run, "rollback") == "v1 is active"
    assert roles(run)["v2"] == "-"


def test_rollback_to_nothing(run: Run) -> None:
    """Without an earlier version the refusal is one line."""
    result = run("models", "rollback")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "imgclass: There is nothing to return to. (status 409)\n"


@pytest.mark.parametrize("arguments", [
    ("canary", "v1", "5"), ("shadow", "v1"), ("delete", "v1", "--yes")], ids=" ".join)
def test_active_model_is_refused(run: Run, arguments: tuple[str, ...]) -> None:
    """The active version is neither canary nor shadow, and is not deleted."""
    result = run("models", *arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("imgclass: Model v1 ")
    assert roles(run)["v1"] == "active"


@pytest.mark.parametrize("arguments", [
    ("deactivate", "v9"), ("canary", "v9", "5"), ("shadow", "v9"), ("delete", "v9", "--yes"),
    ("replicas", "v9")], ids=" ".join)
def test_unknown_version(run: Run, arguments: tuple[str, ...]) -> None:
    """A version nobody registered is told in one line."""
    result = run("models", *arguments)
    assert (result.exit_code, result.stdout) == (5, "")
    assert result.stderr == "imgclass: There is no model v9. (status 404)\n"


def test_delete(run: Run, api: FakeApi) -> None:
    """With --yes nobody is asked."""
    assert says(run, "delete", "v2", "--yes") == "v2 is deleted"
    assert api.models["v2"]["state"] == "deleted"


@pytest.mark.parametrize(("answer", "state"), [
    ("y\n", "deleted"), ("n\n", "ready"), ("\n", "ready"), ("", "ready")])
def test_deletion_is_confirmed(run: Run, api: FakeApi, answer: str, state: str) -> None:
    """Without --yes nothing is deleted unless the answer is yes."""
    result = CliRunner().invoke(app, ["models", "delete", "v2"], input=answer)
    assert api.models["v2"]["state"] == state
    assert result.exit_code == (0 if state == "deleted" else 1)
    assert "Delete the files of v2 for good?" in result.stderr
    assert ("nothing was deleted: answer y, or give --yes" in result.stderr) is (state == "ready")


def test_push_of_a_deleted_version(run: Run, tmp_path: Path) -> None:
    """The version of a deleted model is used up, which is no success."""
    run("models", "delete", "v3", "--yes")
    result = run("models", "push", tmp_path / "model.zip")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "imgclass: v3 is deleted: choose another version\n"


def test_replicas(run: Run, api: FakeApi) -> None:
    """Each process that serves the version is shown with the roles it serves it in."""
    broken = {**REPLICA, "host": "node-2", "problem": "Model v3 cannot be loaded"}
    api.rollout.replicas = [REPLICA, broken]
    seen = "2026-01-01T00:00:00+00:00"
    assert [line.split("\t") for line in says(run, "replicas", "v2").splitlines()] == [
        ["node-1", REPLICA["replica_id"], "canary, shadow", "tensorflow", seen, "-"],
        ["node-2", REPLICA["replica_id"], "canary, shadow", "tensorflow", seen,
         "Model v3 cannot be loaded"]]
    assert says(run, "replicas", "v3") == ""


@pytest.mark.parametrize(("arguments", "expected"), [
    (("canary", "v2", "5"), {"version": "v2", "canary_percent": 5, "shadow": False}),
    (("shadow", "v2"), {"version": "v2", "canary_percent": 0, "shadow": True}),
    (("deactivate", "v1"), {"version": "v1", "is_active": False}),
    (("delete", "v2", "--yes"), {"version": "v2", "state": "deleted"}),
], ids=str)
def test_as_json(run: Run, arguments: tuple[str, ...], expected: dict[str, Any]) -> None:
    """--json prints the model as it stands then."""
    document = json.loads(says(run, *arguments, "--json"))
    assert {name: document[name] for name in expected} == expected


def test_rollback_and_replicas_as_json(run: Run, api: FakeApi) -> None:
    """--json prints the model that answers again, and the whole report of each process."""
    run("models", "activate", "v2")
    assert json.loads(says(run, "rollback", "--json"))["version"] == "v1"
    api.rollout.replicas = [REPLICA]
    (shown,) = json.loads(says(run, "replicas", "v1", "--json"))
    assert shown["serving"] == REPLICA["serving"]


def test_needs_the_role_admin(run: Run) -> None:
    """Another user's token is told what it lacks."""
    result = run("models", "rollback", "--token", token())
    assert result.stderr == "imgclass: This needs a token with the role admin. (status 403)\n"


def test_client(client: Client, api: FakeApi) -> None:
    """The client gives models and replicas as values."""
    model = client.set_traffic("v2", 7, True)
    assert (model.canary_percent, model.shadow, model.role) == (7, True, "canary 7 %, shadow")
    assert client.deactivate_model("v2").role == ""
    client.activate_model("v2")
    assert client.roll_back().version == "v1"
    assert client.delete_model("v3").state == "deleted"
    api.rollout.replicas = [REPLICA]
    (replica,) = client.replicas("v1")
    assert (replica.host, replica.problem) == ("node-1", None)
    assert replica.seen_at == datetime(2026, 1, 1, tzinfo=timezone.utc)
    assert {role: served.engine for role, served in replica.roles("v1").items()} == {
        "active": "litert"}


def test_version_is_one_segment_of_the_path(client: Client, api: FakeApi) -> None:
    """A version cannot lead to another path."""
    with pytest.raises(ProblemError):
        client.delete_model("../backfills/v2")
    assert api.requests[-1] == "DELETE /api/v1/models/../backfills/v2"


def test_push_from_the_bucket(run: Run, api: FakeApi, tmp_path: Path) -> None:
    """An archive in the models bucket is registered and validated like one that is sent."""
    archive = model_archive(tmp_path / "big.zip", "v4")
    api.bucket["incoming/big.zip"] = archive.read_bytes()
    assert says(run, "push", "--object-key", "incoming/big.zip", "--activate") == (
        "v4 is ready and active")
    assert roles(run)["v4"] == "active"


def test_push_of_an_object_that_is_not_there(run: Run) -> None:
    """A key without an object is told in one line."""
    result = run("models", "push", "--object-key", "incoming/none.zip")
    assert (result.exit_code, result.stdout) == (5, "")
    assert result.stderr == "imgclass: There is no object incoming/none.zip. (status 404)\n"


def test_push_needs_one_archive(run: Run, api: FakeApi, tmp_path: Path) -> None:
    """Nothing, two archives, or a version for one in the bucket is a usage error."""
    api.requests.clear()
    key = ("--object-key", "incoming/big.zip")
    for arguments in ((), (tmp_path / "model.zip", *key), (*key, "--version", "v5")):
        assert run("models", "push", *arguments).exit_code == 2
    assert api.requests == []
