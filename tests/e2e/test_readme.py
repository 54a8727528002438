"""The README's curl examples, run as they stand."""
from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from imgclass.embedded.stack import Stack
from tests.e2e.access import client_of, token_of

ROOT = Path(__file__).parents[2]
EXAMPLES = re.findall(r"`(curl [^`]+)` \|", (ROOT / "README.md").read_text("utf-8"))

pytestmark = pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")


@pytest.fixture(scope="module")
def shell(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The variables that the README tells its reader to set."""
    token, user_id = token_of(stack, "you@example.com", admin=True)
    with client_of(stack, "you@example.com") as client:
        prediction = client.predict(ROOT / "examples/pictures/coffee.jpg")
    return {
        "API": stack.gateway.url, "TOKEN": token, "AUTH": f"Authorization: Bearer {token}",
        "USER_ID": user_id, "PREDICTION_ID": str(prediction.prediction_id),
        "IMAGE_ID": str(prediction.image_id), "PATH": "/usr/bin:/bin",
        "FOLDER": str(tmp_path_factory.mktemp("curl")),
    }


@pytest.mark.parametrize("example", EXAMPLES)
def test_example_works(shell: dict[str, str], example: str) -> None:
    """Each example gets a successful answer when it is pasted into a shell."""
    command = example.replace("-o picture.jpg", '-o "$FOLDER/picture.jpg"')
    done = subprocess.run(
        ["bash", "-c", command.replace("curl ", "curl --silent --show-error --fail ", 1)],
        cwd=ROOT, env=shell, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr + done.stdout


def test_every_endpoint_has_an_example() -> None:
    """The table was found, and has an example in each row."""
    assert len(EXAMPLES) >= 10


def test_token_command_sets_the_variables(stack: Stack) -> None:
    """What the README evaluates sets TOKEN and USER_ID."""
    command = shlex.join([
        sys.executable, "-c", "from imgclass.cli.main import app; app()",
        "token", "--email", "you@example.com", "--admin", "--export"])
    done = subprocess.run(
        ["bash", "-c", f'eval "$({command})" && echo "$USER_ID"'], cwd=ROOT,
        env={"IMGCLASS_VAR": str(stack.var), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == token_of(stack, "you@example.com")[1], done.stderr
