"""Settings of the command line and the embedded stack: read here, once, from the environment.

API_HOST, API_PORT, MINIO_EVENT_QUEUE and the settings that go on to the functions may also stand
in the `.env` file of the repository; the environment has precedence.
"""
from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8000
DEVELOPMENT_EMAIL = "you@example.com"

# The functions' settings that a developer may set for the embedded stack. Addresses and
# credentials are not among them: the stack makes its own.
PASSED_ON = (
    "CRON_SECONDS", "ENGINE", "INBOX_KEEP_DAYS", "INBOX_MAX_ATTEMPTS", "INBOX_THREADS",
    "INBOX_WORKER", "INFERENCE_THREADS", "JWT_LEEWAY_SECONDS", "KEEP_UPLOADS", "K_CE_OVERRIDES",
    "K_SINK", "LOG_LEVEL", "MAX_BATCH_BYTES", "MAX_BODY_BYTES", "MAX_IN_FLIGHT",
    "MAX_MODEL_BYTES", "MAX_PIXELS", "MICRO_BATCHES", "MINIO_PUBLIC_ENDPOINT",
    "MODEL_POLL_SECONDS", "OTEL_EXPORTER_OTLP_ENDPOINT", "RATE_LIMIT_ADMIN",
    "RATE_LIMIT_PREDICT", "RATE_LIMIT_READ", "RATE_LIMIT_REFUSED", "REQUEST_TIMEOUT_SECONDS",
    "SWEEP_SECONDS", "TZ", "VALIDATION_TIMEOUT_SECONDS", "WEBHOOK_MAX_ATTEMPTS",
    "WEBHOOK_NETWORKS", "WEB_THREADS",
)


class SettingsError(Exception):
    """A setting is malformed, or nothing is there to read it from; the message names it."""


@dataclass(frozen=True)
class Settings:
    """Where the checkout and the stack's state are, and how to reach the service.

    `api_host` and `api_port` are None where the developer chose none. `search_path` is PATH.
    With `event_queue`, MinIO keeps the events it cannot deliver on disk.
    """

    root: Path = ROOT
    var: Path = ROOT / "var"
    api_host: str | None = None
    api_port: int | None = None
    api_url: str = f"http://{DEFAULT_HOST}:{DEFAULT_PORT}"
    token: str | None = None
    search_path: str = os.defpath
    event_queue: bool = False
    passed_on: Mapping[str, str] = field(default_factory=dict)

    def development_secret(self) -> str:
        """The key that signs tokens for the stack on this machine.

        Raises SettingsError if there is no stack yet, or it is another user's.
        """
        path = self.var / "secrets" / "jwt-secret"
        try:
            return path.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            raise SettingsError(f"{path} does not exist: run `make up` first") from None
        except OSError as error:
            raise SettingsError(f"{path} cannot be read: {error.strerror}") from None


def load(environ: Mapping[str, str] = os.environ, root: Path = ROOT) -> Settings:
    """Read the settings. Raises SettingsError naming the first that is malformed."""
    merged = {**_dotenv(root / ".env"), **{name: text for name, text in environ.items() if text}}
    var = Path(merged.get("IMGCLASS_VAR") or root / "var").expanduser().absolute()
    host, port = merged.get("API_HOST"), _port(merged.get("API_PORT"))
    return Settings(
        root=root,
        var=var,
        api_host=host,
        api_port=port,
        api_url=(merged.get("IMGCLASS_URL") or _url(var, host, port)).rstrip("/"),
        token=merged.get("IMGCLASS_TOKEN"),
        search_path=environ.get("PATH") or os.defpath,
        event_queue=_boolean("MINIO_EVENT_QUEUE", merged.get("MINIO_EVENT_QUEUE", "false")),
        passed_on={name: merged[name] for name in PASSED_ON if name in merged},
    )


def reached_at(host: str) -> str:
    """The host under which a server that listens on `host` is reached from this machine."""
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # nosec B104  # asked for, not chosen
    return everywhere.get(host, host)


def url_of(host: str, port: int) -> str:
    """The URL at which a server that listens on `host`:`port` is reached from this machine."""
    reached = reached_at(host)
    return f"http://[{reached}]:{port}" if ":" in reached else f"http://{reached}:{port}"


def address_file(var: Path) -> Path:
    """Where a stack that is up has written down the gateway's address."""
    return var / "run" / "address"


def recorded_address(var: Path) -> tuple[str, int] | None:
    """Host and port of the gateway while the stack is up."""
    try:
        host, port = address_file(var).read_text(encoding="utf-8").split()
        return host, int(port)
    except (OSError, ValueError):
        return None


def _url(var: Path, host: str | None, port: int | None) -> str:
    last = recorded_address(var) if host is None and port is None else None
    return url_of(*(last or (host or DEFAULT_HOST, port or DEFAULT_PORT)))


def _port(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise SettingsError(f"API_PORT must be a port number from 1 to 65535, not {text!r}")
    return int(text)


def _boolean(name: str, text: str) -> bool:
    if text.lower() not in ("true", "1", "false", "0"):
        raise SettingsError(f"{name} must be true or false, not {text!r}")
    return text.lower() in ("true", "1")


def _dotenv(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    from dotenv import dotenv_values
    try:
        values = dotenv_values(path, interpolate=False)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from None
    return {name: text for name, text in values.items() if text}
