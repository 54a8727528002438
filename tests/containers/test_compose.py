"""The whole system in containers, from a clean clone: what docs/deploy/compose.md promises."""
from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import boto3
import httpx
import pytest
from botocore.config import Config

from bench import second_model
from imgclass.client import Client
from tests.command_line import run
from tests.containers.engine import ROOT, docker, inspected
from tests.containers.stack import ComposeStack
from tests.documentation import blocks
from tests.waiting import wait_until

COFFEE = ROOT / "examples/pictures/coffee.jpg"
CAT = ROOT / "examples/pictures/chelsea.jpg"
PAGE = "docs/deploy/compose.md"
EMAIL = "you@example.com"


@pytest.fixture(scope="module")
def client(stack: ComposeStack) -> Iterator[Client]:
    with stack.client(EMAIL) as client:
        yield client


@pytest.fixture(scope="module")
def admin(stack: ComposeStack) -> Iterator[Client]:
    with stack.client("root@example.com", admin=True) as admin:
        yield admin


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_quick_start(stack: ComposeStack) -> None:
    """The commands of the quick start work as they stand, and again on what is running."""
    (block,) = (each.text for each in blocks(PAGE) if each.heading == "Quick start")
    assert block.startswith("docker compose up -d --wait\n")
    commands = block.replace("curl ", "curl --silent --show-error --fail ").replace(
        "http://127.0.0.1:8000", stack.url)
    done = subprocess.run(
        ["bash", "-e", "-c", commands], cwd=stack.folder, env=stack.environment, text=True,
        capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    assert '"predicted_class":"espresso"' in done.stdout
    assert '"total":' in done.stdout


def test_all_is_as_it_should_be(stack: ComposeStack) -> None:
    """After `up --wait` the services are healthy and the jobs are done."""
    ids = stack.compose("ps", "-a", "-q").split()
    found = {container["Config"]["Labels"]["com.docker.compose.service"]: container["State"]
             for container in (inspected("container", each) for each in ids)}
    jobs = {"check", "setup", "seed"}
    assert {name for name, state in found.items()
            if (state["Status"], state["ExitCode"]) == ("exited", 0)} == jobs
    assert {name: state["Health"]["Status"] for name, state in found.items()
            if name not in jobs} == dict.fromkeys(
        ("gateway", "predict", "history", "model-admin", "postgres", "minio", "cron"), "healthy")


def test_functions_are_ready(stack: ComposeStack) -> None:
    """Each function says that it has all that it needs."""
    for name in ("predict", "history", "model-admin"):
        assert json.loads(stack.fetched(name, "/_/ready")) == {"status": "ready"}


def test_picture(client: Client) -> None:
    """A picture is classified, is in the history, and comes back as it was sent."""
    prediction = client.predict(COFFEE)
    assert prediction.predicted_class == "espresso"
    assert next(client.history()).prediction_id == prediction.prediction_id
    assert client.image_content(prediction.image_id) == COFFEE.read_bytes()


def test_picture_dropped_into_the_bucket(stack: ComposeStack, client: Client) -> None:
    """A picture put into the bucket is announced, classified and in its owner's history."""
    client.predict(COFFEE)  # its owner is known from now on
    store = boto3.client(
        "s3", endpoint_url=stack.store, aws_access_key_id="imgclass",
        aws_secret_access_key="insecure-minio-secret-key", region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}))
    store.put_object(Bucket="images", Key=f"uploads/{client.user_id}/cat.jpg",
                     Body=CAT.read_bytes(), ContentType="image/jpeg")
    store.close()

    def dropped() -> bool:
        found = client.prediction(next(client.history()).prediction_id)
        return found.source == "bucket" and "cat" in found.predicted_class

    wait_until(dropped)
    # Whoever was quicker, MinIO's announcement or the sweep: predict took the announcement.
    wait_until(lambda: '"path": "/events/storage", "status": 202' in stack.logs("predict"))


def test_cron(stack: ComposeStack) -> None:
    """The clock of the stack is let in, and what it asks for is done."""
    assert "failed" not in stack.logs("cron")


def test_next_model(
    stack: ComposeStack, client: Client, admin: Client, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A model is pushed, validated under the container's limits, activated, and answers."""
    first, second = tmp_path / "first.zip", tmp_path / "second.zip"
    stack.compose("cp", "cron:/default-model.zip", str(first))
    second_model.write(first, "v2", second)
    monkeypatch.setenv("IMGCLASS_URL", stack.url)
    monkeypatch.setenv("IMGCLASS_TOKEN", stack.token("root@example.com", admin=True))
    result = run("models", "push", second, "--activate")
    assert result.exit_code == 0, result.output
    wait_until(lambda: client.predict(COFFEE).predicted_class == "espresso (v2)")
    admin.activate_model("v1")
    wait_until(lambda: client.predict(COFFEE).predicted_class == "espresso")


def test_up_again(stack: ComposeStack, client: Client, admin: Client) -> None:
    """`up` on a running stack finds the jobs done and changes nobody's decisions."""
    before = [(model.version, model.is_active) for model in admin.models()]
    total = client.predictions().total
    stack.up()
    assert "there are models already" in stack.logs("seed")
    assert [(model.version, model.is_active) for model in admin.models()] == before
    assert client.predictions().total == total


def test_function_that_moves(stack: ComposeStack, client: Client) -> None:
    """The gateway finds a function that was made anew, at whatever address."""
    stack.compose("up", "-d", "--no-deps", "--force-recreate", "--wait", "history")
    wait_until(lambda: httpx.get(
        f"{stack.url}/api/v1/predictions",
        headers={"Authorization": f"Bearer {stack.token(EMAIL)}"}).status_code == 200)


def test_what_the_gateway_hides(stack: ComposeStack) -> None:
    """Health, metrics and the paths of machines do not exist outside."""
    for path in ("_/health", "_/ready", "metrics", "events/storage", "events/sweep",
                 "function/predict/metrics", "function/predict/_/ready"):
        assert httpx.post(f"{stack.url}/{path}").status_code == 404, path
    assert httpx.get(f"{stack.url}/health").json() == {"status": "ok"}


def test_rights_of_the_functions(stack: ComposeStack) -> None:
    """The functions' role owns their database, and is no administrator of the server."""
    row = stack.compose(
        "exec", "-T", "postgres", "psql", "-U", "postgres", "-Atc",
        "SELECT rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = 'imgclass'")
    assert row.strip() == "f|f|f"


def test_production_refuses_the_examples_secrets(stack: ComposeStack) -> None:
    """With ENVIRONMENT=production and the secrets of the example nothing is made at all."""
    project = f"{stack.project}-production"
    environ = {**stack.environment, "ENVIRONMENT": "production", "COMPOSE_PROJECT_NAME": project}
    try:
        stack_file = str(stack.folder / "docker-compose.yml")
        docker("compose", "-f", stack_file, "build", "check", environ=environ, timeout=600)
        with pytest.raises(AssertionError, match="check"):
            docker("compose", "-f", stack_file, "up", "-d", "--wait", "--no-build", "postgres",
                   environ=environ)
        logs = docker("compose", "-f", stack_file, "logs", "--no-color", environ=environ)
        assert "check: POSTGRES_PASSWORD is an example's" in logs
        assert "postgres-1" not in logs
    finally:
        docker("compose", "-f", stack_file, "down", "-v", "--rmi", "local", environ=environ)
