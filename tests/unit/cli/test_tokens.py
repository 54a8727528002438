"""`token`."""
from __future__ import annotations

import time
from pathlib import Path

import jwt
import pytest

from tests.command_line import Run
from tests.fakes.api import SECRET


@pytest.fixture
def stack(tmp_path: Path) -> None:
    """A local stack's secret, in the folder that `isolated` names."""
    secrets = tmp_path / "var" / "secrets"
    secrets.mkdir(parents=True)
    (secrets / "jwt-secret").write_text(SECRET)


def claims(text: str) -> dict[str, object]:
    return jwt.decode(
        text.strip(), SECRET, algorithms=["HS256"], audience="imgclass", issuer="imgclass")


@pytest.mark.usefixtures("stack")
def test_token(run: Run) -> None:
    """The token names the user and no role, lasts half a day, and is all that is printed."""
    result = run("token", "--email", "ada@example.com")
    found = claims(result.stdout)
    assert (found["email"], found["roles"]) == ("ada@example.com", [])
    assert found["exp"] == pytest.approx(time.time() + 12 * 3600, abs=60)
    assert (result.stdout.count("\n"), result.stderr) == (1, "")


@pytest.mark.usefixtures("stack")
def test_token_of_an_administrator(run: Run) -> None:
    """--admin adds the role and --hours sets the lifetime."""
    found = claims(run("token", "--email", "ada@example.com", "--admin", "--hours", 1).stdout)
    assert found["roles"] == ["admin"]
    assert found["exp"] == pytest.approx(time.time() + 3600, abs=60)


@pytest.mark.usefixtures("stack")
def test_token_for_a_shell(run: Run) -> None:
    """--export prints an export of the token and of the user id that it speaks for."""
    words = run("token", "--email", "ada@example.com", "--export").stdout.split()
    variables = dict(word.split("=", 1) for word in words[1:])
    assert words[0] == "export"
    assert claims(variables["TOKEN"])["sub"] == variables["USER_ID"]


@pytest.mark.usefixtures("stack")
def test_one_address_is_one_user(run: Run) -> None:
    """Two tokens for one address speak for the same user."""
    first, second, other = (
        claims(run("token", "--email", f"{name}@example.com").stdout)["sub"]
        for name in ("ada", "ada", "grace"))
    assert first == second != other


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize("email", ["", "ada", "@example.com", "ada@"])
def test_not_an_address(run: Run, email: str) -> None:
    """What is not an e-mail address is a usage error."""
    assert run("token", "--email", email).exit_code == 2


def test_without_a_stack(run: Run) -> None:
    """Without a local stack there is no secret to sign with, and one line says what to do."""
    result = run("token", "--email", "ada@example.com")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("imgclass: ")
    assert "`make up`" in result.stderr
