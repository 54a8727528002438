"""Settings: a frozen dataclass read once, at start, from the environment and from secret files."""
from __future__ import annotations

import ipaddress
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar, Union
from urllib.parse import urlsplit

from common.errors import ConfigurationError

REQUIRED = object()
SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}

# How the secrets of .env.example begin, and what a secret of one's own has at least.
EXAMPLE = "insecure-"
MIN_SECRET_CHARACTERS = 16

Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
Loaded = TypeVar("Loaded", bound="StoreSettings")

# What the specification of CloudEvents defines is not for a deployment to set.
_EVENT_ATTRIBUTES = frozenset({
    "id", "source", "type", "specversion", "datacontenttype", "dataschema", "subject", "time",
    "data"})


@dataclass(frozen=True)
class Rate:
    """So many requests in so many seconds."""

    requests: int
    seconds: int


def _boolean(text: str) -> bool:
    try:
        return {"true": True, "1": True, "false": False, "0": False}[text.lower()]
    except KeyError:
        raise ValueError("true or false") from None


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise ValueError("a whole number above 0")
    return int(text)


def _not_negative(text: str) -> int:
    return 0 if text == "0" else _positive(text)


def _two_or_more(text: str) -> int:
    if _not_negative(text) < 2:
        raise ValueError("a whole number from 2")
    return int(text)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise ValueError("a port number from 1 to 65535")
    return int(text)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1e6:
        raise ValueError("a number of seconds above 0")
    return value


def _seconds_or_zero(text: str) -> float:
    return 0.0 if text == "0" else _seconds(text)


def _rate(text: str) -> Rate | None:
    if text == "off":
        return None
    try:
        count, unit = text.split("/")
        return Rate(_positive(count), SECONDS[unit])
    except (ValueError, KeyError):
        raise ValueError("a rate as in 100/minute, or off") from None


def _redis_url(text: str) -> str:
    parts = urlsplit(text)
    if text and (parts.scheme not in ("redis", "rediss") or not parts.hostname):
        raise ValueError("a URL with redis or rediss")
    return text


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    if text and not valid:
        raise ValueError("a URL with http or https")
    return text


def _networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(each.strip()) for each in text.split(",") if text)
    except ValueError:
        raise ValueError("networks as in 10.0.0.0/8, separated by commas") from None


def _extensions(text: str) -> dict[str, str]:
    """What Knative wants added to events."""
    try:
        document = json.loads(text or "{}")
        extensions: dict[str, str] = {**(document.pop("extensions", None) or {})}
        valid = not document and all(
            re.fullmatch("[a-z0-9]+", name) and name not in _EVENT_ATTRIBUTES
            and isinstance(value, str) for name, value in extensions.items())
    except (ValueError, TypeError, AttributeError):
        valid = False
    if not valid:
        raise ValueError('JSON as in {"extensions": {"name": "value"}}')
    return extensions


def _host_and_port(text: str) -> str:
    host, _, port = text.rpartition(":")
    if not host or "/" in text:
        raise ValueError("host:port, without a scheme")
    _port(port)
    return text


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(" or ".join(choices))
        return text
    return parse


def setting(
    help: str,
    default: object = REQUIRED,
    parse: Callable[[str], Any] = str,
    secret: bool = False,
) -> Any:
    """A field of settings; `default` is written as it would stand in the environment."""
    return field(
        repr=not secret,
        metadata={"help": help, "default": default, "parse": parse, "secret": secret})


@dataclass(frozen=True)
class StoreSettings:
    """What whoever uses the object store needs; each is named after its environment variable."""

    minio_endpoint: str = setting("object store, host:port", parse=_host_and_port)
    minio_access_key: str = setting("S3 access key", secret=True)
    minio_secret_key: str = setting("S3 secret key", secret=True)
    minio_bucket_name: str = setting("bucket of the pictures")
    minio_secure: bool = setting("TLS to the object store", "false", _boolean)
    minio_public_endpoint: str = setting(
        "URL at which clients reach the object store, for presigned uploads; MINIO_ENDPOINT if "
        "empty", "", _url)
    models_bucket_name: str = setting("bucket of the models", "models")

    @classmethod
    def load(cls: type[Loaded], environ: Mapping[str, str] = os.environ) -> Loaded:
        """Read every setting.

        A secret that is not in `environ` is read from `SECRETS_DIR/<name>` (default
        /var/openfaas/secrets), the name in lower case with dashes: a file, or a directory with
        one file in it, as Knative mounts it.

        Raises ConfigurationError naming the first setting that is missing or malformed.
        """
        secrets = Path(environ.get("SECRETS_DIR") or "/var/openfaas/secrets")
        values: dict[str, Any] = {}
        for item in fields(cls):
            name = item.name.upper()
            text = environ.get(name, "")
            if not text and item.metadata["secret"]:
                text = _read_secret(secrets, name)
            if not text:
                if item.metadata["default"] is REQUIRED:
                    raise ConfigurationError(f"{name} is not set ({item.metadata['help']})")
                text = item.metadata["default"]
            try:
                values[item.name] = item.metadata["parse"](text)
            except ValueError as error:
                raise ConfigurationError(f"{name} must be {error}, not {text!r}") from None
        return cls(**values)


@dataclass(frozen=True)
class Settings(StoreSettings):
    """Every setting of the three functions."""

    environment: str = setting(
        "production refuses secrets that are short or stand in an example", "development",
        _one_of("development", "production"))

    postgres_user: str = setting("database role")
    postgres_password: str = setting("its password", secret=True)
    postgres_db: str = setting("database name")
    postgres_host: str = setting("database host")
    postgres_port: int = setting("database port", "5432", _port)
    postgres_sslmode: str = setting(
        "TLS to the database, as libpq's sslmode", "prefer",
        _one_of("disable", "prefer", "require", "verify-ca", "verify-full"))

    jwt_algorithm: str = setting(
        "the one accepted signature algorithm", "HS256",
        _one_of("HS256", "RS256", "ES256", "EdDSA"))
    jwt_secret: str = setting("shared secret for HS256, at least 32 bytes", "", secret=True)
    jwt_jwks_url: str = setting(
        "key set of the identity provider, for the other algorithms", "", _url)
    jwt_outage_seconds: float = setting(
        "how old its keys may get while it does not answer, at least 600", "86400", _seconds)
    jwt_issuer: str = setting("required `iss`")
    jwt_audience: str = setting("required `aud`")
    jwt_leeway_seconds: int = setting("tolerated clock skew, at most 60", "30", _not_negative)
    jwt_roles_claim: str = setting(
        "claim with the list of roles; dots lead into objects, as in realm_access.roles", "roles")
    jwt_admin_role: str = setting("role of administrators", "admin")
    jwt_service_role: str = setting(
        "role of services, which may act for a user with the header X-On-Behalf-Of", "service")

    bind_host: str = setting(
        "address a function listens on",
        "0.0.0.0")  # nosec B104  # in a container, the platform decides who gets there
    port: int = setting("port a function listens on", "8080", _port)
    web_threads: int = setting("requests a function works on at once", "8", _positive)
    max_in_flight: int = setting(
        "requests worked on or, in a rush, waiting for it; those beyond get 503", "64", _positive)
    request_timeout_seconds: float = setting(
        "how long a request may wait; clients may allow less with X-Timeout-Ms", "30", _seconds)
    log_dir: Path = setting("folder of the rotating log files", "/logs", Path)
    otel_exporter_otlp_endpoint: str = setting(
        "base URL of an OpenTelemetry collector (OTLP over HTTP), which gets traces", "", _url)
    log_level: str = setting(
        "least severity logged", "INFO", _one_of("DEBUG", "INFO", "WARNING", "ERROR"))

    engine: str = setting(
        "auto takes the LiteRT twin and falls back to TensorFlow", "auto",
        _one_of("auto", "litert", "tensorflow"))
    inference_threads: int = setting(
        "pictures inferred at once; 0 means the CPU quota of the container", "0", _not_negative)
    micro_batches: bool = setting(
        "gather concurrent pictures into batches of up to 8 for TensorFlow", "false", _boolean)
    model_cache_dir: Path = setting(
        "downloaded models, by digest",
        "/tmp/imgclass/models", Path)  # nosec B108  # a container's own; digests are compared
    baked_models_dir: Path | None = setting(
        "models that came with the image, by digest; looked in before the bucket", "",
        lambda text: Path(text) if text else None)
    model_poll_seconds: float = setting("how often the active model is looked up", "2", _seconds)

    events_token: str = setting(
        "bearer token of /events/, at least 16 characters; without one nobody gets in", "",
        secret=True)
    inbox_worker: bool = setting(
        "classify uploads in the background; false leaves them to POST /events/drain", "true",
        _boolean)
    inbox_threads: int = setting(
        "uploads classified at once; 0 means the CPU quota of the container", "0", _not_negative)
    inbox_max_attempts: int = setting(
        "attempts to classify an upload before it is given up", "8", _positive)
    keep_uploads: bool = setting(
        "leave an upload where it is once it is classified", "false", _boolean)
    inbox_keep_days: int = setting(
        "days for which an upload's event is kept after its end, at least 2", "30",
        _two_or_more)
    sweep_seconds: float = setting(
        "how often uploads that nothing announced are looked for; 0 leaves it to "
        "POST /events/sweep", "60", _seconds_or_zero)
    cron_seconds: float = setting(
        "shortest time between two sweeps that anybody may start by POST /, as OpenFaaS' "
        "cron-connector does; 0 lets nobody", "0", _seconds_or_zero)
    k_sink: str = setting(
        "URL that is told of every finished classification, as Knative sets it", "", _url)
    k_ce_overrides: dict[str, str] = setting(
        "extension attributes of these events, as Knative sets them", "", _extensions)
    webhook_networks: tuple[Network, ...] = setting(
        "private networks that webhooks may be in, separated by commas", "", _networks)
    webhook_max_attempts: int = setting(
        "attempts to deliver an event before it is given up", "12", _positive)

    rate_limit_predict: Rate | None = setting(
        "requests that bring pictures, by user; off for no limit", "6000/minute", _rate)
    rate_limit_read: Rate | None = setting(
        "requests that read, by user", "6000/minute", _rate)
    rate_limit_admin: Rate | None = setting(
        "requests to model-admin, by user", "1200/minute", _rate)
    rate_limit_refused: Rate | None = setting(
        "requests without a good token, by address", "120/minute", _rate)
    rate_limit_storage_url: str = setting(
        "Redis or Valkey in which replicas count together; without one each counts by itself", "",
        _redis_url, secret=True)
    trusted_proxies: tuple[Network, ...] = setting(
        "networks of the proxies whose X-Forwarded-For is believed, separated by commas", "",
        _networks)

    max_body_bytes: int = setting("largest request body", "10485760", _positive)
    max_batch_bytes: int = setting(
        "largest request body with several pictures", "33554432", _positive)
    max_pixels: int = setting("largest picture, in pixels", "40000000", _positive)
    max_model_bytes: int = setting("largest model archive", "1073741824", _positive)
    validation_timeout_seconds: float = setting(
        "deadline of a model's validation", "600", _seconds)

    def __post_init__(self) -> None:
        if self.jwt_algorithm == "HS256" and len(self.jwt_secret.encode()) < 32:
            raise ConfigurationError("JWT_SECRET must have at least 32 bytes for HS256")
        if self.jwt_algorithm != "HS256" and not self.jwt_jwks_url:
            raise ConfigurationError(f"JWT_JWKS_URL must be set for {self.jwt_algorithm}")
        if self.max_in_flight < self.web_threads:
            raise ConfigurationError("MAX_IN_FLIGHT must be at least WEB_THREADS")
        if 0 < len(self.events_token) < 16:
            raise ConfigurationError("EVENTS_TOKEN must have at least 16 characters")
        if self.jwt_leeway_seconds > 60:
            raise ConfigurationError("JWT_LEEWAY_SECONDS must be at most 60")
        if self.environment == "production":
            for name, value in self.own_secrets.items():
                _refuse_weak(name, value)

    @property
    def own_secrets(self) -> dict[str, str]:
        """The secrets in use by their names; access keys are names, not secrets."""
        secrets = {
            "POSTGRES_PASSWORD": self.postgres_password, "MINIO_SECRET_KEY": self.minio_secret_key,
            "JWT_SECRET": self.jwt_secret, "EVENTS_TOKEN": self.events_token}
        return {name: value for name, value in secrets.items() if value}


def _refuse_weak(name: str, value: str) -> None:
    if value.startswith(EXAMPLE):
        raise ConfigurationError(f"{name} is an example's; ENVIRONMENT=production wants your own")
    if len(value) < MIN_SECRET_CHARACTERS:
        raise ConfigurationError(
            f"{name} must have at least {MIN_SECRET_CHARACTERS} characters with "
            "ENVIRONMENT=production")


def _read_secret(directory: Path, name: str) -> str:
    path = directory / name.lower().replace("_", "-")
    try:
        if path.is_dir():
            files = [entry for entry in path.iterdir() if not entry.name.startswith(".")]
            if len(files) != 1:
                raise ConfigurationError(f"{name}: {path} must hold one file, not {len(files)}")
            path = files[0]
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError:
        raise ConfigurationError(f"{name}: {path} is not text in UTF-8") from None
    except OSError as error:
        raise ConfigurationError(f"{name}: {path} cannot be read ({error.strerror})") from None
