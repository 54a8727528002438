"""Settings: what is missing or malformed stops the start with one line that names it."""
from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from common.config import Settings
from common.errors import ConfigurationError
from tests.environments import COMPLETE, environment

OWN_SECRETS = {
    "POSTGRES_PASSWORD": "p" * 16, "MINIO_SECRET_KEY": "m" * 16, "JWT_SECRET": "j" * 32,
    "EVENTS_TOKEN": "e" * 16}
REQUIRED = sorted(set(COMPLETE) - {"POSTGRES_PORT"})


def refusal(environ: dict[str, str]) -> str:
    """The words with which an environment is refused."""
    with pytest.raises(ConfigurationError) as caught:
        Settings.load(environ)
    return str(caught.value)


def test_smallest_environment_and_defaults() -> None:
    """The required settings are enough; every other one has the documented default."""
    settings = Settings.load(environment(POSTGRES_PORT=""))
    assert settings.postgres_port == 5432
    assert settings.minio_secure is False
    assert settings.models_bucket_name == "models"
    assert (settings.bind_host, settings.port) == ("0.0.0.0", 8080)
    assert settings.jwt_algorithm == "HS256"
    assert settings.jwt_leeway_seconds == 30
    assert settings.log_dir == Path("/logs")
    assert settings.engine == "auto"
    assert settings.max_body_bytes == 10 * 1024 * 1024
    assert settings.max_pixels == 40_000_000


@pytest.mark.parametrize("name", REQUIRED)
@pytest.mark.parametrize("how", ["absent", "empty"])
def test_missing_setting_is_named(name: str, how: str) -> None:
    """A required setting that is absent or empty is named in one line."""
    environ = environment(**{name: ""})
    if how == "absent":
        del environ[name]
    words = refusal(environ)
    assert words.startswith(f"{name} ")
    assert "\n" not in words


@pytest.mark.parametrize(("name", "text"), [
    ("POSTGRES_PORT", "0"), ("POSTGRES_PORT", "65536"), ("POSTGRES_PORT", "5432 "),
    ("POSTGRES_PORT", "５４３２"), ("PORT", "http"), ("PORT", "-1"), ("PORT", "80.0"),
    ("POSTGRES_SSLMODE", "yes"),
    ("MINIO_ENDPOINT", "http://store:9000"), ("MINIO_ENDPOINT", "store"),
    ("MINIO_ENDPOINT", ":9000"), ("MINIO_ENDPOINT", "store:"), ("MINIO_ENDPOINT", "store:9000/"),
    ("MINIO_SECURE", "yes"), ("JWT_ALGORITHM", "none"), ("JWT_ALGORITHM", "hs256"),
    ("JWT_LEEWAY_SECONDS", "61"), ("JWT_LEEWAY_SECONDS", "-1"), ("JWT_LEEWAY_SECONDS", "1.5"),
    ("LOG_LEVEL", "LOUD"), ("ENGINE", "torch"), ("WEB_THREADS", "0"),
    ("INFERENCE_THREADS", "-1"), ("MODEL_POLL_SECONDS", "0"), ("MODEL_POLL_SECONDS", "nan"),
    ("MODEL_POLL_SECONDS", "inf"), ("MODEL_POLL_SECONDS", "soon"), ("MAX_BODY_BYTES", "0"),
    ("MAX_BODY_BYTES", "10MB"), ("MAX_PIXELS", "+5"), ("MAX_MODEL_BYTES", "1e9"),
    ("MAX_MODEL_BYTES", "9" * 5000), ("VALIDATION_TIMEOUT_SECONDS", "-1"),
])
def test_malformed_setting_is_named(name: str, text: str) -> None:
    """A value that cannot be meant is refused in one line that names the setting."""
    words = refusal(environment(**{name: text}))
    assert words.startswith(f"{name} must ")
    assert "\n" not in words


@pytest.mark.parametrize(("name", "text", "value"), [
    ("POSTGRES_PORT", "65535", 65535), ("MINIO_ENDPOINT", "[::1]:9000", "[::1]:9000"),
    ("MINIO_SECURE", "True", True), ("MINIO_SECURE", "0", False),
    ("JWT_LEEWAY_SECONDS", "0", 0), ("JWT_LEEWAY_SECONDS", "60", 60),
    ("MODEL_POLL_SECONDS", "0.5", 0.5), ("INFERENCE_THREADS", "0", 0),
    ("LOG_DIR", "/var/log/a folder", Path("/var/log/a folder")),
])
def test_values_are_coerced(name: str, text: str, value: object) -> None:
    """Text becomes the type the setting is used with."""
    assert getattr(Settings.load(environment(**{name: text})), name.lower()) == value


def test_settings_cannot_change() -> None:
    """Settings are read once; nobody can alter them later."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings.load(environment()).port = 1  # type: ignore[misc]


def test_shared_secret_has_32_bytes() -> None:
    """31 bytes are too few for HS256, 32 are enough, and bytes are counted, not characters."""
    assert refusal(environment(JWT_SECRET="x" * 31)).startswith("JWT_SECRET ")
    assert Settings.load(environment(JWT_SECRET="x" * 32)).jwt_secret == "x" * 32
    assert Settings.load(environment(JWT_SECRET="ü" * 16)).jwt_secret == "ü" * 16


@pytest.mark.parametrize("name", [
    "POSTGRES_PASSWORD", "MINIO_SECRET_KEY", "JWT_SECRET", "EVENTS_TOKEN"])
@pytest.mark.parametrize("value", [
    "insecure-and-long-enough-to-be-anything", "fifteen letters"])
def test_production_refuses_weak_secrets(name: str, value: str) -> None:
    """A secret that everybody knows, or could guess, starts nothing that is meant for real."""
    own = {**OWN_SECRETS, "ENVIRONMENT": "production"}
    Settings.load(environment(**own))
    assert refusal(environment(**{**own, name: value})).startswith(f"{name} ")


def test_development_takes_weak_secrets() -> None:
    """To try it, the example's secrets will do."""
    examples = {name: "insecure-and-long-enough-to-be-anything" for name in OWN_SECRETS}
    assert Settings.load(environment(**examples)).environment == "development"


def test_production_wants_no_secret_that_is_not_used() -> None:
    """Without a shared secret, or without an events token, there is nothing to refuse."""
    Settings.load(environment(
        **{**OWN_SECRETS, "EVENTS_TOKEN": "", "JWT_SECRET": ""}, ENVIRONMENT="production",
        JWT_ALGORITHM="RS256", JWT_JWKS_URL="https://issuer.example/keys"))


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_public_key_algorithms_need_a_key_set(algorithm: str) -> None:
    """With an asymmetric algorithm the key set is required and the shared secret is not."""
    environ = environment(JWT_ALGORITHM=algorithm, JWT_SECRET="")
    assert refusal(environ).startswith("JWT_JWKS_URL ")
    environ["JWT_JWKS_URL"] = "https://issuer.example/keys"
    assert Settings.load(environ).jwt_algorithm == algorithm


def test_secret_is_read_from_a_file(tmp_path: Path) -> None:
    """A secret that is not in the environment is read from its file, less the line's end."""
    (tmp_path / "postgres-password").write_text("from a file\n", encoding="utf-8")
    settings = Settings.load(environment(POSTGRES_PASSWORD="", SECRETS_DIR=str(tmp_path)))
    assert settings.postgres_password == "from a file"


def test_secret_is_read_from_a_mounted_directory(tmp_path: Path) -> None:
    """Knative mounts a secret as a directory: one file, and the hidden links kubelet keeps."""
    mount = tmp_path / "jwt-secret"
    (mount / "..2026_01_01").mkdir(parents=True)
    (mount / "..2026_01_01" / "value").write_text("s" * 40, encoding="utf-8")
    (mount / "..data").symlink_to("..2026_01_01")
    (mount / "value").symlink_to("..data/value")
    settings = Settings.load(environment(JWT_SECRET="", SECRETS_DIR=str(tmp_path)))
    assert settings.jwt_secret == "s" * 40


def test_environment_wins_over_file(tmp_path: Path) -> None:
    """A secret set in the environment is not looked up."""
    (tmp_path / "postgres-password").write_text("from a file", encoding="utf-8")
    settings = Settings.load(environment(SECRETS_DIR=str(tmp_path)))
    assert settings.postgres_password == "password"


def test_only_secrets_are_read_from_files(tmp_path: Path) -> None:
    """A file named like a setting that is no secret is ignored."""
    (tmp_path / "postgres-host").write_text("elsewhere", encoding="utf-8")
    words = refusal(environment(POSTGRES_HOST="", SECRETS_DIR=str(tmp_path)))
    assert words.startswith("POSTGRES_HOST is not set")


@pytest.mark.parametrize("count", [0, 2])
def test_mounted_directory_holds_one_file(tmp_path: Path, count: int) -> None:
    """With no file or several in a secret's directory nobody can say which one is meant."""
    mount = tmp_path / "jwt-secret"
    mount.mkdir()
    for number in range(count):
        (mount / f"key{number}").write_text("s" * 40, encoding="utf-8")
    words = refusal(environment(JWT_SECRET="", SECRETS_DIR=str(tmp_path)))
    assert words.startswith("JWT_SECRET: ")


def test_empty_secret_file_is_a_missing_setting(tmp_path: Path) -> None:
    """A secret's file with nothing in it is as good as none."""
    (tmp_path / "postgres-password").write_text(" \n", encoding="utf-8")
    words = refusal(environment(POSTGRES_PASSWORD="", SECRETS_DIR=str(tmp_path)))
    assert words.startswith("POSTGRES_PASSWORD is not set")


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"], ids=["a directory in it", "binary"])
def test_unreadable_secret_is_named(tmp_path: Path, content: bytes | None) -> None:
    """A secret that cannot be read as text stops the start with one line that names it."""
    path = tmp_path / "minio-secret-key"
    if content is None:
        (path / "inner").mkdir(parents=True)
    else:
        path.write_bytes(content)
    words = refusal(environment(MINIO_SECRET_KEY="", SECRETS_DIR=str(tmp_path)))
    assert words.startswith("MINIO_SECRET_KEY: ")
    assert "\n" not in words


def test_secrets_are_not_printed() -> None:
    """What ends up in a log or a traceback holds no secret."""
    settings = Settings.load(environment(
        POSTGRES_PASSWORD="hidden-1", MINIO_SECRET_KEY="hidden-2", MINIO_ACCESS_KEY="hidden-3",
        JWT_SECRET="hidden-4" * 4))
    assert "hidden" not in repr(settings)
