"""Set up the object store named by MINIO_*: `python deploy/minio/setup.py`.

Makes the two buckets, has the store announce what is put under `uploads/`, and gives the
functions' keys the rights of functions-policy.json and no others. Run again, it leaves all as it
is, and two that run side by side do not harm each other. Other people's rules for notifications
stay.
"""
from __future__ import annotations

import argparse
import json
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from minio import MinioAdmin
from minio.credentials.providers import StaticProvider
from minio.error import MinioAdminException
from urllib3 import PoolManager, Retry, Timeout
from urllib3.exceptions import HTTPError

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parents[1]))

from common.config import StoreSettings  # noqa: E402  # it finds common/ by itself
from common.environment import setting  # noqa: E402
from common.errors import ConfigurationError  # noqa: E402
from common.picture_store import UPLOADS  # noqa: E402
from common.s3_client import s3_client  # noqa: E402

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import QueueConfigurationTypeDef

PATIENCE_SECONDS = 60
POLL_SECONDS = 0.1
POLICY, POLICY_NAME = FOLDER / "functions-policy.json", "imgclass-functions"
RULE_ID = "imgclass-uploads"


class Refused(Exception):
    """The store says no; the message, one line, says to what and why."""


class NotYet(Exception):
    """The store cannot be reached or is still starting; the message, one line, says how far it
    got."""


@dataclass(frozen=True)
class SetupSettings(StoreSettings):
    """How to reach the store as its administrator as well."""

    minio_root_user: str = setting("access key of the store's administrator", secret=True)
    minio_root_password: str = setting("its secret key", secret=True)
    minio_events_arn: str = setting(
        "target that announces uploads, as the store names it", "arn:minio:sqs::IMGCLASS:webhook")

    @property
    def buckets(self) -> tuple[str, str]:
        return self.minio_bucket_name, self.models_bucket_name


def set_up(
    settings: SetupSettings, notification: bool = True, user: bool = True,
    patience_seconds: float = PATIENCE_SECONDS,
) -> None:
    """Set up the store, and return once the functions' keys write and read in both buckets.

    Raises Refused, and NotYet if that was all for `patience_seconds`.
    """
    deadline = time.monotonic() + patience_seconds
    while True:
        try:
            _attempt(settings, notification, user)
            return
        except NotYet:
            if time.monotonic() > deadline:
                raise
        time.sleep(POLL_SECONDS)


def _attempt(settings: SetupSettings, notification: bool, user: bool) -> None:
    root = s3_client(replace(
        settings, minio_access_key=settings.minio_root_user,
        minio_secret_key=settings.minio_root_password), connections=1)
    for bucket in settings.buckets:
        with _asking(f"bucket {bucket}"):
            _make_bucket(root, bucket)
    if notification:
        with _asking(f"notifications to {settings.minio_events_arn}"):
            _announce_uploads(root, settings.minio_bucket_name, settings.minio_events_arn)
    if user:
        with _asking("user of the functions"):
            _admit_functions(settings)
    for bucket in settings.buckets:
        with _asking(f"bucket {bucket} with the functions' keys"):
            _prove(s3_client(settings, connections=1), bucket)


def _make_bucket(client: S3Client, bucket: str) -> None:
    try:
        client.create_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] not in (
                "BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
            raise


def _announce_uploads(client: S3Client, bucket: str, arn: str) -> None:
    """Have our rule among the bucket's: they can only be written all at once."""
    rule: QueueConfigurationTypeDef = {
        "Id": RULE_ID,
        "QueueArn": arn,
        # Not s3:ObjectCreated:*, which includes changes to the tags of what is there.
        "Events": ["s3:ObjectCreated:Put", "s3:ObjectCreated:Post",
                   "s3:ObjectCreated:CompleteMultipartUpload", "s3:ObjectCreated:Copy"],
        "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": UPLOADS}]}},
    }
    configuration: Any = client.get_bucket_notification_configuration(Bucket=bucket)
    del configuration["ResponseMetadata"]
    rules = configuration.get("QueueConfigurations", [])
    if rule in rules:
        return
    others = [each for each in rules if each.get("Id") != RULE_ID]
    configuration["QueueConfigurations"] = [*others, rule]
    client.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration=configuration)


def _admit_functions(settings: SetupSettings) -> None:
    """Whatever other policies were attached to these keys, they are no longer."""
    admin = MinioAdmin(
        endpoint=settings.minio_endpoint, secure=settings.minio_secure,
        credentials=StaticProvider(settings.minio_root_user, settings.minio_root_password),
        http_client=PoolManager(
            timeout=Timeout(connect=2, read=10),
            retries=Retry(total=0, status_forcelist=(500, 502, 503, 504))))
    policy = Template(POLICY.read_text(encoding="utf-8")).substitute(
        MINIO_BUCKET_NAME=settings.minio_bucket_name,
        MODELS_BUCKET_NAME=settings.models_bucket_name)
    admin.policy_add(POLICY_NAME, policy=json.loads(policy))
    admin.user_add(settings.minio_access_key, settings.minio_secret_key)
    admin.policy_set(POLICY_NAME, user=settings.minio_access_key)


def _prove(client: S3Client, bucket: str) -> None:
    key = f"setup-probe-{uuid.uuid4()}"  # not that of a setup that runs at the same time
    client.put_object(Bucket=bucket, Key=key, Body=b"written")
    client.get_object(Bucket=bucket, Key=key)["Body"].read()
    client.delete_object(Bucket=bucket, Key=key)


@contextmanager
def _asking(what: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        raise (NotYet if status >= 500 else Refused)(f"{what}: {error}") from error
    except MinioAdminException as error:
        # Its words are a document of their own, with a line's end.
        raise Refused(f"{what}: {' '.join(str(error).split())}") from error
    except (BotoCoreError, HTTPError) as error:
        raise NotYet(f"{what}: {error}") from error


def main(arguments: Sequence[str]) -> None:
    """Raises ConfigurationError, Refused or NotYet."""
    parser = argparse.ArgumentParser("setup.py", description="Set up the object store.")
    parser.add_argument(
        "--no-notification", dest="notification", action="store_false",
        help="the store announces uploads by configuration of its own, or not at all")
    parser.add_argument(
        "--no-user", dest="user", action="store_false",
        help="the functions' keys exist already, with the rights they need")
    options = parser.parse_args(arguments)
    settings = SetupSettings.load()
    set_up(settings, options.notification, options.user)
    print(f"setup: {' and '.join(settings.buckets)} are ready for the functions")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (ConfigurationError, Refused, NotYet) as error:
        sys.exit(f"setup: {error}")
