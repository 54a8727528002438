"""Running the tools of a checkout."""
from __future__ import annotations

import sys
from pathlib import Path

import pytest

from imgclass import model_tools
from imgclass.model_tools import ModelTools, ToolError
from tests.checkout import Checkout


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "checkout")


def test_arguments_and_result(checkout: Checkout, tmp_path: Path) -> None:
    """A tool is given whole paths and options, and its last line is the result."""
    checkout.write("init", """
import json, sys
print("chatter")
print(json.dumps({"arguments": sys.argv[1:]}))
""")
    folder = tmp_path / "model"
    result = checkout.tools.init(folder / "saved_model", folder, "--name=x")
    assert result == {"arguments": [str(folder / "saved_model"), str(folder), "--name=x"]}


def test_environment(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tool sees no secret of the caller, nor the caller's Keras settings or folder."""
    checkout.write("check", """
import json, os
print(json.dumps({**os.environ, "cwd": os.getcwd()}))
""")
    monkeypatch.setenv("IMGCLASS_TOKEN", "secret")
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    found = checkout.tools.check(Path("model.zip"))
    assert "IMGCLASS_TOKEN" not in found
    assert found["KERAS_BACKEND"] == "tensorflow"
    assert found["cwd"] == found["HOME"] != str(Path.cwd())


def test_rejection_is_a_result(checkout: Checkout) -> None:
    """The exit code of a tool is in its result already."""
    checkout.write("check", """
print('{"state": "rejected"}')
raise SystemExit(1)
""")
    assert checkout.tools.check(Path("model.zip")) == {"state": "rejected"}


@pytest.mark.parametrize(("code", "words"), [
    ("raise SystemExit('out of memory')", "check ended with status 1: out of memory"),
    ("pass", "check ended with status 0: it said nothing"),
    ("print('[]')", "check printed no result"),
])
def test_no_result(checkout: Checkout, code: str, words: str) -> None:
    """A tool that dies is told with its last words."""
    checkout.write("check", code)
    with pytest.raises(ToolError, match=words):
        checkout.tools.check(Path("model.zip"))


def test_tool_hangs(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tool that does not end is ended."""
    monkeypatch.setattr(model_tools, "TIMEOUT_SECONDS", 0.5)
    checkout.write("check", "import time; time.sleep(60)")
    with pytest.raises(ToolError, match="check took longer than 0.5 seconds"):
        checkout.tools.check(Path("model.zip"))


def test_no_checkout(tmp_path: Path) -> None:
    """An installed command line has no tools, and says what it needs."""
    with pytest.raises(ToolError, match="this needs the project's checkout: .* has no functions"):
        ModelTools(tmp_path).check(Path("model.zip"))


def test_no_tensorflow(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python without TensorFlow is named, and the one to use."""
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(ToolError, match=f"{sys.executable} does not have: .* .venv/bin/imgclass"):
        checkout.tools.check(Path("model.zip"))
