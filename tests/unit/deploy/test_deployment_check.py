"""What ends `docker compose up` before anything is made, and the tokens it can be tried with."""
from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import jwt
import pytest

from tests.environments import environment
from tests.tokens import AUDIENCE, ISSUER, SECRET

ROOT = Path(__file__).parents[3]
STRONG = {name: "n0t-an-example's-secret-but-0ne's-own" for name in (
    "POSTGRES_PASSWORD", "POSTGRES_ADMIN_PASSWORD", "MINIO_SECRET_KEY", "MINIO_ROOT_PASSWORD",
    "JWT_SECRET", "EVENTS_TOKEN", "GRAFANA_PASSWORD")}


def run(job: str, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, f"deploy/jobs/{job}.py", *arguments], cwd=ROOT, timeout=60, text=True,
        env={**environment(**changes), "PYTHONPATH": str(ROOT)}, capture_output=True)


@pytest.mark.parametrize("environment_", ["development", "production"])
def test_strong_secrets(environment_: str) -> None:
    """With secrets of one's own everything may start."""
    done = run("check", **{**STRONG, "ENVIRONMENT": environment_})
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", sorted(STRONG))
def test_weak_secret(name: str) -> None:
    """In production each secret of the deployment has to be one's own."""
    weak = {**STRONG, name: "insecure-secret-of-32-bytes-or-more"}
    assert run("check", **weak).returncode == 0
    done = run("check", **{**weak, "ENVIRONMENT": "production"})
    assert done.returncode == 1
    assert done.stderr.startswith(f"check: {name} ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(("arguments", "roles"), [((), []), (("--admin",), ["admin"])])
def test_token(arguments: tuple[str, ...], roles: list[str]) -> None:
    """A token for trying it is signed with the deployment's secret."""
    done = run("sign_token", "ada@example.com", *arguments)
    claims = jwt.decode(
        done.stdout.strip(), SECRET, ["HS256"], issuer=ISSUER, audience=AUDIENCE)
    assert (claims["email"], claims["roles"]) == ("ada@example.com", roles)
    exported = run("sign_token", "ada@example.com", "--export").stdout
    assert exported.startswith("export TOKEN=ey")
    assert exported.strip().endswith(f" USER_ID={claims['sub']}")


def test_tokens_of_an_identity_provider() -> None:
    """Tokens that an identity provider signs cannot be made here."""
    done = run("sign_token", "ada@example.com", JWT_ALGORITHM="RS256",
               JWT_JWKS_URL="https://issuer.example/keys")
    assert done.returncode == 1
    assert done.stderr.startswith("sign_token: JWT_ALGORITHM is not HS256")
