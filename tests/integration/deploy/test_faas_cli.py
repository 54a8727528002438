"""stack.yml through faas-cli itself, where it is on PATH: complete contexts, and what is sent."""
from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deployment_files import ROOT, read_stack
from tests.environments import environment
from tests.function_process import FunctionProcess

NAMES = ("predict", "history", "model-admin", "console")
PACKAGES = {"predict": "predict", "history": "history", "model-admin": "model_admin",
            "console": "console_site"}
PATIENCE_SECONDS = 120

pytestmark = pytest.mark.skipif(
    shutil.which("faas-cli") is None, reason="there is no faas-cli on PATH")


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a clean clone has, and beside it what work leaves in one."""
    folder = tmp_path_factory.mktemp("clone")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT,
        check=True, capture_output=True, text=True)
    for name in filter(None, listed.stdout.split("\0")):
        if name.split("/")[0] in (
                "common", "console", "functions", "template", "deploy", "stack.yml"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    for name in (".venv/lib/big.so", "var/secrets/jwt-secret", "var/models/weights.h5", ".env"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("not for an image")
    return folder


def faas_cli(folder: Path, *arguments: str, **variables: str) -> str:
    """What it prints; it must succeed, and needs no network."""
    done = subprocess.run(
        ["faas-cli", *arguments], cwd=folder, text=True, capture_output=True,
        timeout=PATIENCE_SECONDS, env={
            "PATH": os.environ["PATH"], "HOME": str(folder), **variables})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def contexts(clone: Path) -> Path:
    """The build contexts."""
    faas_cli(clone, "build", "--shrinkwrap", "--yaml", "stack.yml")
    return clone / "build"


@pytest.mark.parametrize("name", NAMES)
def test_context_is_complete(contexts: Path, name: str) -> None:
    """A context has the Dockerfile, the function, its locked requirements and common/."""
    context = contexts / name
    copied = {str(path.relative_to(context / "function" / "common"))
              for path in (context / "function" / "common").rglob("*.py")}
    assert copied == {str(path.relative_to(ROOT / "common"))
                      for path in (ROOT / "common").rglob("*.py")}
    for needed in ("Dockerfile", ".dockerignore", "function/handler.py",
                   "function/requirements.txt", f"function/{PACKAGES[name]}/app.py"):
        assert (context / needed).is_file()
    arguments = read_stack(ROOT / "stack.yml")["functions"][name]["build_args"]
    assert (context / "function" / arguments.get("REQUIREMENTS", "requirements.txt")).is_file()


@pytest.mark.parametrize("name", NAMES)
def test_context_holds_nothing_else(contexts: Path, name: str) -> None:
    """No environment, no weights, no secrets, no other function: less than two megabytes."""
    files = [path for path in (contexts / name).rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 2_000_000
    assert {path.name for path in (contexts / name / "function").iterdir() if path.is_dir()} == {
        "common", "console", PACKAGES[name]}
    assert not [path for path in files if path.read_bytes() == b"not for an image"]


@pytest.mark.parametrize("name", NAMES)
def test_context_starts(contexts: Path, name: str, tmp_path: Path) -> None:
    """What the image would hold starts by itself, without the rest of the repository."""
    folder = contexts / name / "function"
    environ = {**environment(LOG_DIR=str(tmp_path)), "PYTHONPATH": str(folder)}
    with FunctionProcess("handler:app", folder, environ) as process:
        assert process.get("/_/health").status == 200


@pytest.mark.parametrize("path", ["stack.yml", "deploy/openfaas/stack.pro.yml"])
def test_generate(clone: Path, path: str) -> None:
    """faas-cli understands every field of the file as it is meant."""
    printed = faas_cli(clone, "generate", "--yaml", path, POSTGRES_HOST="db.example.org")
    generated: dict[str, Any] = {
        each["metadata"]["name"]: each["spec"] for each in yaml.safe_load_all(printed)}
    written = read_stack(ROOT / path, POSTGRES_HOST="db.example.org")["functions"]
    assert set(generated) == set(written)
    for name, function in written.items():
        made = generated[name]
        assert made["image"] == function["image"]
        assert made["environment"] == function["environment"]
        assert made["environment"]["POSTGRES_HOST"] == "db.example.org"
        assert made["secrets"] == function["secrets"]
        assert made["labels"] == function["labels"]
        assert made["annotations"] == function["annotations"]
        assert (made["limits"], made["requests"]) == (function["limits"], function["requests"])
        assert made["readOnlyRootFilesystem"] is True
