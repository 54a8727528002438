"""What the command line reads from the environment and from `.env`."""
from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from common import config as functions
from imgclass.settings import (
    PASSED_ON, SettingsError, address_file, load, recorded_address, url_of)


def test_defaults(tmp_path: Path) -> None:
    """With nothing set, the state is in the checkout and the service on this machine."""
    settings = load({}, tmp_path)
    assert (settings.root, settings.var) == (tmp_path, tmp_path / "var")
    assert (settings.api_host, settings.api_port, settings.token) == (None, None, None)
    assert settings.api_url == "http://127.0.0.1:8000"
    assert settings.passed_on == {}


def test_environment_comes_before_the_file(tmp_path: Path) -> None:
    """`.env` is read as it stands, and the environment has the last word."""
    (tmp_path / ".env").write_text("API_PORT=8001\nAPI_HOST='0.0.0.0'\nENGINE=$API_PORT\n")
    settings = load({"API_PORT": "8002", "API_HOST": ""}, tmp_path)
    assert (settings.api_host, settings.api_port) == ("0.0.0.0", 8002)
    assert settings.api_url == "http://127.0.0.1:8002"
    assert settings.passed_on == {"ENGINE": "$API_PORT"}


def test_only_tuning_is_passed_on(tmp_path: Path) -> None:
    """Addresses and credentials of the developer's own do not reach the functions."""
    settings = load({
        "ENGINE": "litert", "LOG_LEVEL": "DEBUG", "WEB_THREADS": "4", "INFERENCE_THREADS": "2",
        "MODEL_POLL_SECONDS": "1", "MAX_PIXELS": "", "POSTGRES_HOST": "db", "JWT_SECRET": "x",
        "MINIO_ENDPOINT": "s3:9000", "AWS_PROFILE": "mine", "PYTHONPATH": "/x", "LOG_DIR": "/x",
    }, tmp_path)
    assert settings.passed_on == {
        "ENGINE": "litert", "LOG_LEVEL": "DEBUG", "WEB_THREADS": "4", "INFERENCE_THREADS": "2",
        "MODEL_POLL_SECONDS": "1"}


def test_every_setting_is_passed_on_or_the_stacks_own() -> None:
    """A new setting of the functions is either the developer's to set, or set by the stack."""
    known = {field.name.upper() for field in fields(functions.Settings)}
    own = ("POSTGRES_", "MINIO_", "JWT_", "MODELS_BUCKET_NAME", "BIND_HOST", "PORT", "LOG_DIR",
           "MODEL_CACHE_DIR", "BAKED_MODELS_DIR", "EVENTS_TOKEN", "ENVIRONMENT",
           "RATE_LIMIT_STORAGE_URL", "TRUSTED_PROXIES")
    assert known == {name for name in known if name.startswith(own)} | set(PASSED_ON) - {"TZ"}


def test_passed_on_is_in_order() -> None:
    """A setting is easily found in the list, which names each once."""
    assert list(PASSED_ON) == sorted(set(PASSED_ON))


@pytest.mark.parametrize(("text", "value"), [
    ("true", True), ("1", True), ("False", False), ("0", False), ("", False)])
def test_events_are_queued_on_request(tmp_path: Path, text: str, value: bool) -> None:
    """The object store's queue is off unless it is asked for."""
    assert load({"MINIO_EVENT_QUEUE": text}, tmp_path).event_queue is value


def test_malformed_switch_is_one_line(tmp_path: Path) -> None:
    """A switch that is neither on nor off is named."""
    with pytest.raises(SettingsError, match="MINIO_EVENT_QUEUE must be true or false, not 'on'"):
        load({"MINIO_EVENT_QUEUE": "on"}, tmp_path)


@pytest.mark.parametrize("port", ["0", "65536", "-1", "80x", " 80", "٨٠"])
def test_malformed_port_is_one_line(tmp_path: Path, port: str) -> None:
    """A port that is none is named."""
    with pytest.raises(SettingsError, match="API_PORT must be a port number from 1 to 65535"):
        load({"API_PORT": port}, tmp_path)


def test_unreadable_file_is_one_line(tmp_path: Path) -> None:
    """A `.env` that is not text is named."""
    (tmp_path / ".env").write_bytes(b"A=\xff\xfe")
    with pytest.raises(SettingsError, match=".env cannot be read"):
        load({}, tmp_path)


def test_state_may_lie_elsewhere(tmp_path: Path) -> None:
    """IMGCLASS_VAR names the folder of the state."""
    assert load({"IMGCLASS_VAR": "/elsewhere"}, tmp_path).var == Path("/elsewhere")


def test_running_stack_is_found(tmp_path: Path) -> None:
    """The address a running stack has written down is taken where none is chosen."""
    var = tmp_path / "var"
    address_file(var).parent.mkdir(parents=True)
    address_file(var).write_text("0.0.0.0 8123")
    assert recorded_address(var) == ("0.0.0.0", 8123)
    assert load({}, tmp_path).api_url == "http://127.0.0.1:8123"
    assert load({"API_PORT": "8001"}, tmp_path).api_url == "http://127.0.0.1:8001"
    assert load({"IMGCLASS_URL": "https://x/"}, tmp_path).api_url == "https://x"


@pytest.mark.parametrize("text", ["", "127.0.0.1", "a b c", "127.0.0.1 x"])
def test_damaged_address_is_none(tmp_path: Path, text: str) -> None:
    """An address that cannot be understood is as good as none."""
    address_file(tmp_path).parent.mkdir()
    address_file(tmp_path).write_text(text)
    assert recorded_address(tmp_path) is None


@pytest.mark.parametrize(("host", "url"), [
    ("127.0.0.1", "http://127.0.0.1:80"), ("::", "http://[::1]:80"), ("::1", "http://[::1]:80"),
    ("0.0.0.0", "http://127.0.0.1:80"), ("box.example", "http://box.example:80")])
def test_url_leads_to_the_server(host: str, url: str) -> None:
    """What listens on all addresses is reached on the loopback one."""
    assert url_of(host, 80) == url


def test_secret_is_the_stacks(tmp_path: Path) -> None:
    """The development secret is read from the stack; without one there is a line that says so."""
    with pytest.raises(SettingsError, match="jwt-secret does not exist: run `make up` first"):
        load({}, tmp_path).development_secret()
    path = tmp_path / "var" / "secrets" / "jwt-secret"
    path.parent.mkdir(parents=True)
    path.write_text("the secret\n")
    assert load({}, tmp_path).development_secret() == "the secret"
