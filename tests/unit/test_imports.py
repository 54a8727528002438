"""What a function's start may import: seconds and hundreds of megabytes hang on it."""
from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.environments import environment

ROOT = Path(__file__).parents[2]
HEAVY = {"tensorflow", "keras", "ai_edge_litert", "numpy", "PIL", "scipy", "h5py", "cloudevents",
         "opentelemetry"}


# Packages that cost predict a tenth of a second each, and that its first answer does without.
LATER = {"boto3", "botocore", "s3transfer", "requests", "redis", "jsonschema", "urllib3"}
# How many modules predict imports until it can answer. Each costs time: raise it with a reason.
MAX_MODULES = 680


def modules(function: str, code: str) -> list[str]:
    """The modules that `code` imports in the process of a function."""
    path = os.pathsep.join([str(ROOT / "functions" / function), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code], cwd=ROOT, timeout=120, text=True,
        stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path})
    assert done.returncode == 0, done.stderr[-2000:]
    return re.findall(r"\| +([\w.]+)$", done.stderr, re.M)


def imported(function: str, code: str) -> set[str]:
    """The top-level packages of these modules."""
    return {name.split(".")[0] for name in modules(function, code)}


@pytest.mark.parametrize(("function", "code", "allowed"), [
    ("history", "import history.app", set()),
    ("predict", "import predict.app", {"numpy", "PIL"}),
    ("predict", "import predict.app, common.inference.litert",
     {"numpy", "PIL", "ai_edge_litert"}),
    ("model-admin", "import model_admin.app", {"numpy", "PIL"}),
])
def test_heavy_packages(function: str, code: str, allowed: set[str]) -> None:
    """TensorFlow is imported by none at start, nor by the engine that serves twins."""
    found = imported(function, code)
    assert "flask" in found
    assert found & HEAVY <= allowed


def test_budget_of_a_cold_start() -> None:
    """Until its first answer predict imports what that needs, and little else."""
    found = modules("predict", "import predict.app, common.inference.litert")
    assert not {name.split(".")[0] for name in found} & LATER
    assert len(found) <= MAX_MODULES


def test_gunicorn_configuration() -> None:
    """The master process, which only reads the settings, imports next to nothing."""
    code = f"import os; os.environ.update({environment()}); import common.gunicorn_conf"
    assert not imported("predict", code) & (HEAVY | {"boto3", "psycopg2"})


# Hides every package but those whose distributions are named; then imports a module.
WITH_THESE_ALONE = """
import importlib, importlib.metadata, sys
job, *locked = sys.argv[1:]
owners = importlib.metadata.packages_distributions()

class Hidden:
    def find_spec(self, name, path=None, target=None):
        found = {each.lower().replace("_", "-") for each in owners.get(name.split(".")[0], [])}
        if found and found.isdisjoint(locked):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Hidden())
for name in ("boto3", "common.s3", job):
    importlib.import_module(name)
"""


@pytest.mark.parametrize("job", [
    "deploy.jobs.buckets", "deploy.jobs.call", "deploy.jobs.check", "deploy.jobs.cron",
    "deploy.jobs.seed", "deploy.jobs.sign_token", "deploy.minio.setup", "deploy.postgres.setup",
    "sql.migrate"])
def test_jobs(job: str) -> None:
    """A job needs nothing that is not in the image of the jobs."""
    lock = (ROOT / "requirements/jobs.txt").read_text(encoding="utf-8")
    locked = {"imgclass", *re.findall(r"^([\w.-]+)==", lock, re.M)}
    done = subprocess.run(
        [sys.executable, "-c", WITH_THESE_ALONE, job, *locked], cwd=ROOT, timeout=120, text=True,
        capture_output=True)
    assert done.returncode == 0, done.stderr[-2000:]
