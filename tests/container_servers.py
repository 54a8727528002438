"""Real servers for tests in containers, by testcontainers, where a Docker engine answers."""
from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from tests.containers.engine import BUILD_SECONDS, docker, why_absent

POSTGRES_IMAGE, MINIO_IMAGE = "postgres:17-trixie", "imgclass-test-minio"
HOST = "127.0.0.1"
BUCKETS = ("images", "models")
USER, PASSWORD = "imgclass", "the password of a test's container"
ACCESS_KEY, SECRET_KEY = "testcontainers", "the secret key of a test's container"

# Containers are stopped by the fixtures; the sidecar that would do it as well is one more image.
# Published ports are reached on this machine, also if it is a container itself.
os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
os.environ.setdefault("TESTCONTAINERS_CONNECTION_MODE", "docker_host")


@cache
def can_run() -> bool:
    """Whether there is an engine, with PostgreSQL's image and MinIO's, which is built here."""
    if why_absent() is not None:
        return False
    try:
        docker("build", "--quiet", "--tag", MINIO_IMAGE, "deploy/minio", timeout=BUILD_SECONDS)
        if not docker("images", "--quiet", POSTGRES_IMAGE):
            docker("pull", "--quiet", POSTGRES_IMAGE, timeout=BUILD_SECONDS)
    except AssertionError:
        return False
    return True


@contextmanager
def postgres_container() -> Iterator[dict[str, str]]:
    """The settings that lead to a PostgreSQL whose role may do everything."""
    with _quietly():
        from testcontainers.postgres import PostgresContainer

        container = PostgresContainer(
            POSTGRES_IMAGE, username=USER, password=PASSWORD, dbname=USER, driver=None)
        container.with_tmpfs_mount("/var/lib/postgresql/data")
        container.start()
    try:
        yield {
            "POSTGRES_HOST": HOST,
            "POSTGRES_PORT": str(container.get_exposed_port(5432)),
            "POSTGRES_USER": USER, "POSTGRES_PASSWORD": PASSWORD, "POSTGRES_DB": USER,
            "POSTGRES_SSLMODE": "disable",
        }
    finally:
        container.stop()


@contextmanager
def minio_container() -> Iterator[dict[str, str]]:
    """The settings that lead to a MinIO with both buckets, and with root's keys."""
    with _quietly():
        from testcontainers.minio import MinioContainer

        container = MinioContainer(MINIO_IMAGE, access_key=ACCESS_KEY, secret_key=SECRET_KEY)
        container.start()
    try:
        for bucket in BUCKETS:
            container.get_client().make_bucket(bucket_name=bucket)
        yield {
            "MINIO_ENDPOINT": f"{HOST}:{container.get_exposed_port(9000)}",
            "MINIO_SECURE": "false",
            "MINIO_ACCESS_KEY": ACCESS_KEY, "MINIO_SECRET_KEY": SECRET_KEY,
            "MINIO_BUCKET_NAME": BUCKETS[0], "MODELS_BUCKET_NAME": BUCKETS[1],
        }
    finally:
        container.stop()


@contextmanager
def _quietly() -> Iterator[None]:
    """Its own use of what it has deprecated itself is no news."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
