"""The settings of the functions: frozen, and refused as a whole where they do not go together."""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from common import setting_values as values
from common.environment import FromEnvironment, setting
from common.errors import ConfigurationError
from common.setting_values import Network, Rate

# How the secrets of .env.example begin, and what a secret of one's own has at least.
EXAMPLE = "insecure-"
MIN_SECRET_CHARACTERS = 16


@dataclass(frozen=True)
class StoreSettings(FromEnvironment):
    """What whoever uses the object store needs."""

    minio_endpoint: str = setting("object store, host:port", parse=values.host_and_port)
    minio_access_key: str = setting("S3 access key", secret=True)
    minio_secret_key: str = setting("S3 secret key", secret=True)
    minio_bucket_name: str = setting("bucket of the pictures")
    minio_secure: bool = setting("TLS to the object store", "false", values.boolean)
    minio_public_endpoint: str = setting(
        "URL at which clients reach the object store, for presigned uploads; MINIO_ENDPOINT if "
        "empty", "", values.url)
    models_bucket_name: str = setting("bucket of the models", "models")

    @property
    def minio_url(self) -> str:
        """The address of MINIO_ENDPOINT with its scheme."""
        return f"{'https' if self.minio_secure else 'http'}://{self.minio_endpoint}"


@dataclass(frozen=True)
class Settings(StoreSettings):
    """Every setting of the three functions."""

    environment: str = setting(
        "production refuses secrets that are short or stand in an example", "development",
        values.one_of("development", "production"))

    postgres_user: str = setting("database role")
    postgres_password: str = setting("its password", secret=True)
    postgres_db: str = setting("database name")
    postgres_host: str = setting("database host")
    postgres_port: int = setting("database port", "5432", values.port)
    postgres_sslmode: str = setting(
        "TLS to the database, as libpq's sslmode", "prefer",
        values.one_of("disable", "prefer", "require", "verify-ca", "verify-full"))

    jwt_algorithm: str = setting(
        "the one accepted signature algorithm", "HS256",
        values.one_of("HS256", "RS256", "ES256", "EdDSA"))
    jwt_secret: str = setting("shared secret for HS256, at least 32 bytes", "", secret=True)
    jwt_jwks_url: str = setting(
        "key set of the identity provider, for the other algorithms", "", values.url)
    jwt_outage_seconds: float = setting(
        "how old its keys may get while it does not answer, at least 600", "86400", values.seconds)
    jwt_issuer: str = setting("required `iss`")
    jwt_audience: str = setting("required `aud`")
    jwt_leeway_seconds: int = setting(
        "tolerated clock skew, at most 60", "30", values.not_negative)
    jwt_roles_claim: str = setting(
        "claim with the list of roles; dots lead into objects, as in realm_access.roles", "roles")
    jwt_admin_role: str = setting("role of administrators", "admin")
    jwt_service_role: str = setting(
        "role of services, which may act for a user with the header X-On-Behalf-Of", "service")

    bind_host: str = setting(
        "address a function listens on",
        "0.0.0.0")  # nosec B104  # in a container, the platform decides who gets there
    port: int = setting("port a function listens on", "8080", values.port)
    web_threads: int = setting("requests a function works on at once", "8", values.positive)
    max_in_flight: int = setting(
        "requests worked on or, in a rush, waiting for it; those beyond get 503", "64",
        values.positive)
    request_timeout_seconds: float = setting(
        "how long a request may wait; clients may allow less with X-Timeout-Ms", "30",
        values.seconds)
    log_dir: Path = setting("folder of the rotating log files", "/logs", Path)
    otel_exporter_otlp_endpoint: str = setting(
        "base URL of an OpenTelemetry collector (OTLP over HTTP), which gets traces", "",
        values.url)
    log_level: str = setting(
        "least severity logged", "INFO", values.one_of("DEBUG", "INFO", "WARNING", "ERROR"))

    engine: str = setting(
        "auto takes the LiteRT twin and falls back to TensorFlow", "auto",
        values.one_of("auto", "litert", "tensorflow"))
    inference_threads: int = setting(
        "pictures inferred at once; 0 means the CPU quota of the container", "0",
        values.not_negative)
    micro_batches: bool = setting(
        "gather concurrent pictures into batches of up to 8 for TensorFlow", "false",
        values.boolean)
    model_cache_dir: Path = setting(
        "downloaded models, by digest",
        "/tmp/imgclass/models", Path)  # nosec B108  # a container's own; digests are compared
    baked_models_dir: Path | None = setting(
        "models that came with the image, by digest; looked in before the bucket", "",
        lambda text: Path(text) if text else None)
    model_poll_seconds: float = setting(
        "how often the active model is looked up", "2", values.seconds)

    events_token: str = setting(
        "bearer token of /events/, at least 16 characters; without one nobody gets in", "",
        secret=True)
    inbox_worker: bool = setting(
        "classify uploads in the background; false leaves them to POST /events/drain", "true",
        values.boolean)
    inbox_threads: int = setting(
        "uploads classified at once; 0 means one more than the CPU quota of the container", "0",
        values.not_negative)
    inbox_max_attempts: int = setting(
        "attempts to classify an upload before it is given up", "8", values.positive)
    keep_uploads: bool = setting(
        "leave an upload where it is once it is classified", "false", values.boolean)
    inbox_keep_days: int = setting(
        "days for which an upload's event is kept after its end, at least 2", "30",
        values.two_or_more)
    sweep_seconds: float = setting(
        "how often uploads that nothing announced are looked for; 0 leaves it to "
        "POST /events/sweep", "60", values.seconds_or_zero)
    cron_seconds: float = setting(
        "shortest time between two sweeps that anybody may start by POST /, as OpenFaaS' "
        "cron-connector does; 0 lets nobody", "0", values.seconds_or_zero)
    k_sink: str = setting(
        "URL that is told of every finished classification, as Knative sets it", "", values.url)
    k_ce_overrides: dict[str, str] = setting(
        "extension attributes of these events, as Knative sets them", "", values.extensions)
    webhook_networks: tuple[Network, ...] = setting(
        "private networks that webhooks may be in, separated by commas", "", values.networks)
    webhook_max_attempts: int = setting(
        "attempts to deliver an event before it is given up", "12", values.positive)

    rate_limit_predict: Rate | None = setting(
        "requests that bring pictures, by user; off for no limit", "6000/minute", values.rate)
    rate_limit_read: Rate | None = setting(
        "requests that read, by user", "6000/minute", values.rate)
    rate_limit_admin: Rate | None = setting(
        "requests to model-admin, by user", "1200/minute", values.rate)
    rate_limit_refused: Rate | None = setting(
        "requests without a good token, by address", "120/minute", values.rate)
    rate_limit_storage_url: str = setting(
        "Redis or Valkey in which replicas count together; without one each counts by itself", "",
        values.redis_url, secret=True)
    trusted_proxies: tuple[Network, ...] = setting(
        "networks of the proxies whose X-Forwarded-For is believed, separated by commas", "",
        values.networks)

    max_body_bytes: int = setting("largest request body", "10485760", values.positive)
    max_batch_bytes: int = setting(
        "largest request body with several pictures", "33554432", values.positive)
    max_pixels: int = setting("largest picture, in pixels", "40000000", values.positive)
    max_model_bytes: int = setting("largest model archive", "1073741824", values.positive)
    validation_timeout_seconds: float = setting(
        "deadline of a model's validation", "600", values.seconds)

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
