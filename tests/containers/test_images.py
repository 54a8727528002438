"""The images of the functions: what is in them, and above all what is not."""
from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.containers.conftest import PREFIX
from tests.containers.engine import ROOT, docker, environment, inspected

IMAGES = ("history:latest", "predict:slim", "predict:latest", "model-admin:latest",
          "console:latest")
SLIM = IMAGES[:2]
TEMPLATE = ROOT / "template/flask"
# What TensorFlow itself needs is all that a few images may be larger for.
MEGABYTES = {"history:latest": 250, "predict:slim": 400, "predict:latest": 1400,
             "model-admin:latest": 1400, "console:latest": 200}


class Entry(NamedTuple):
    """A path in an image: its type as find(1) has it, its permissions, its owner."""

    kind: str
    mode: int
    owner: int
    path: str


@cache
def contents(image: str) -> tuple[Entry, ...]:
    """Everything in an image."""
    lines = docker("run", "--rm", "--network", "none", "--user", "0", f"{PREFIX}{image}",
                   "find", "/", "-xdev", "-printf", "%y %m %U %p\\n").splitlines()
    fields = [line.split(" ", 3) for line in lines]
    return tuple(Entry(kind, int(mode, 8), int(owner), path)
                 for kind, mode, owner, path in fields)


def files_below(image: str, folder: str) -> list[str]:
    """The paths of the files below a folder."""
    return [entry.path for entry in contents(image)
            if entry.kind == "f" and entry.path.startswith(f"{folder}/")]


@pytest.mark.parametrize("image", IMAGES)
def test_size(images: dict[str, int], image: str) -> None:
    """No image is larger than it has to be."""
    assert images[image] <= MEGABYTES[image]


@pytest.mark.parametrize("image", IMAGES)
def test_configuration(images: dict[str, int], image: str) -> None:
    """It runs as a numeric user without rights, says what it is, and can be asked if it lives."""
    config = inspected("image", f"{PREFIX}{image}")["Config"]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", config["User"])
    assert config["Cmd"][:3] == ["python", "-m", "gunicorn"]
    assert not config["Entrypoint"]
    assert list(config["ExposedPorts"]) == ["8080/tcp"]
    assert "common/healthcheck.py" in config["Healthcheck"]["Test"][1]
    labels = {name.removeprefix("org.opencontainers.image."): text
              for name, text in config["Labels"].items()}
    name = image.partition(":")[0]
    assert labels["title"] == f"imgclass-{name}"
    assert labels["description"].endswith(name)
    assert labels["licenses"] == "MIT"
    assert re.fullmatch(r"\d+\.\d+\.\d+", labels["version"])
    assert re.fullmatch(r"[0-9a-f]{40}|unknown", labels["revision"])


@pytest.mark.parametrize("image", IMAGES)
def test_layers_name_no_secret(images: dict[str, int], image: str) -> None:
    """Neither the environment nor the commands of the build hold a setting of anybody's."""
    name = f"{PREFIX}{image}"
    words = docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", name)
    words += "\n".join(inspected("image", name)["Config"]["Env"])
    assert not re.search(r"PASSWORD|SECRET|TOKEN|ACCESS_KEY|JWT|POSTGRES|MINIO", words)


@pytest.mark.parametrize("image", IMAGES)
def test_own_files(images: dict[str, int], image: str) -> None:
    """Of the checkout there is code and what it reads: no tests, secrets, weights or tools."""
    files = [Path(each) for each in files_below(image, "/app")]
    assert Path("/app/handler.py") in files
    assert {path.suffix for path in files} <= {".py", ".pyc", ".sql", ".json", ".txt"} | (
        {".html", ".css", ".js", ".svg"} if image.startswith(("console", "history")) else set())
    assert not [path for path in files if path.name.startswith((".", "requirements", "test"))]
    assert files_below(image, "/models") == []


UNEXPECTED = re.compile(r"\.env.*|\.git|\.venv|id_[a-z0-9]+|saved_model\.pb"
                        r"|.*\.(tflite|h5|keras|zip|whl)")


@pytest.mark.parametrize("image", IMAGES)
def test_nothing_left_by_accident(images: dict[str, int], image: str) -> None:
    """Nowhere in the image lies a secret, a repository, a model, or what was built from it."""
    brought = ("/site-packages/", "/usr/share/", "/proc/")  # by packages, as their locks say
    found = [entry.path for entry in contents(image)
             if UNEXPECTED.fullmatch(Path(entry.path).name)
             and not any(part in entry.path for part in brought)]
    assert found == []


@pytest.mark.parametrize("image", IMAGES)
def test_nobody_but_root_owns_code(images: dict[str, int], image: str) -> None:
    """The function can read all of its code, whoever its user is, and change none of it."""
    code = [entry for entry in contents(image)
            if entry.path.startswith(("/app", "/opt/venv", "/models")) and entry.kind != "l"]
    assert len(code) > 100
    assert [entry for entry in code if entry.owner != 0 or entry.mode & 0o022] == []
    assert [entry for entry in code if not entry.mode & 0o004] == []
    (logs,) = [entry for entry in contents(image) if entry.path == "/logs"]
    assert logs.owner == 10001


@pytest.mark.parametrize(("image", "absent"), [
    ("history:latest", ["tensorflow", "keras", "numpy", "PIL", "ai_edge_litert"]),
    ("predict:slim", ["tensorflow", "keras", "h5py"]),
    ("predict:latest", ["tensorflow/include", "clang", "jsonschema"]),
    ("model-admin:latest", ["tensorflow/include", "clang"])])
def test_packages(images: dict[str, int], image: str, absent: list[str]) -> None:
    """Each function has the packages that its own lock names, and no other's."""
    packages = {entry.path.partition("/site-packages/")[2] for entry in contents(image)
                if entry.kind == "d" and entry.path.startswith("/opt/venv/")}
    assert "flask" in packages
    assert packages & set(absent) == set()


UNCHECKED_HASH = """
import importlib.util, pathlib, sys
for folder in sys.argv[1:]:
    for source in pathlib.Path(folder).rglob("*.py"):
        cached = pathlib.Path(importlib.util.cache_from_source(str(source)))
        if not cached.exists() or cached.read_bytes()[4] != 0b01:
            print(source)
"""


@pytest.mark.parametrize("image", SLIM)
def test_everything_is_compiled(images: dict[str, int], image: str) -> None:
    """No start compiles a module, or looks at times to find out whether it should."""
    printed = docker("run", "--rm", f"{PREFIX}{image}", "python", "-c", UNCHECKED_HASH, "/app",
                     "/opt/venv/lib", "/usr/local/lib/python3.13/json")
    assert printed == ""


def build(context: Path, tag: str, *arguments: str) -> str:
    """Build a function's image from a context of the test's own; its id."""
    words = [word for each in arguments for word in ("--build-arg", each)]
    return docker("build", "--quiet", "--file", str(TEMPLATE / "Dockerfile"), "--tag", tag,
                  *words, str(context), timeout=600).strip()


@pytest.fixture
def shrinkwrap(tmp_path: Path) -> Path:
    """A context as `faas-cli build` makes one, from a developer's less than tidy checkout."""
    shutil.copytree(TEMPLATE, tmp_path, dirs_exist_ok=True)
    shutil.copytree(ROOT / "functions/history", tmp_path / "function")
    shutil.copytree(ROOT / "common", tmp_path / "function/common")
    (tmp_path / "function/.venv").mkdir()
    for name in (".env", ".venv/pyvenv.cfg"):
        (tmp_path / "function" / name).write_text("SECRET=1")
    return tmp_path


def test_context_of_faas_cli(images: dict[str, int], shrinkwrap: Path) -> None:
    """From the folder that faas-cli makes comes the same code as from the repository's root."""
    def digest(image: str) -> str:
        return docker("run", "--rm", f"{PREFIX}{image}", "sh", "-c",
                      "find /app /models -type f | sort | xargs sha256sum | sha256sum")

    build(shrinkwrap, f"{PREFIX}history:faas")
    assert digest("history:faas") == digest("history:latest")


def test_baked_model(images: dict[str, int], shrinkwrap: Path) -> None:
    """Models from a folder of the context are in the image, by their digests."""
    model = b"TFL3" * 1000
    digest = hashlib.sha256(model).hexdigest()
    (shrinkwrap / "baked" / f"{digest}.unpacked").mkdir(parents=True)
    (shrinkwrap / "baked" / digest).write_bytes(model)
    build(shrinkwrap, f"{PREFIX}history:baked", "BAKED_MODELS=baked")
    assert files_below("history:baked", "/models") == [f"/models/{digest}"]
    assert "BAKED_MODELS_DIR=/models" in inspected(
        "image", f"{PREFIX}history:baked")["Config"]["Env"]


def test_baked_model_with_a_wrong_digest(images: dict[str, int], shrinkwrap: Path) -> None:
    """What is not what its name says does not get into an image."""
    (shrinkwrap / "baked").mkdir()
    (shrinkwrap / "baked" / ("0" * 64)).write_bytes(b"something else")
    with pytest.raises(AssertionError, match="failed"):
        build(shrinkwrap, f"{PREFIX}history:wrong", "BAKED_MODELS=baked")


def test_image_of_minio_and_the_tests_minio_are_one() -> None:
    """Containers and tests run the same commit of MinIO."""
    version = re.compile(r"v0\.0\.0-\d{14}-[0-9a-f]{12}")
    found = {each for name in ("deploy/minio/Dockerfile", "scripts/minio")
             for each in version.findall((ROOT / name).read_text("utf-8"))}
    assert len(found) == 1
    assert found.pop().endswith(re.findall(
        r"localhost/imgclass-minio:([0-9a-f]+)", (ROOT / "docker-compose.yml").read_text())[0])


def test_list_of_targets() -> None:
    """`make` names the target that prints the sizes."""
    done = subprocess.run(["make", "help"], cwd=ROOT, env=environment(), text=True,
                          capture_output=True, timeout=30)
    assert "images - " in done.stdout
