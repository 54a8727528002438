"""`python deploy/minio/setup.py` on a real MinIO: again, beside others' rules, and refused."""
from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from minio import MinioAdmin
from minio.credentials.providers import StaticProvider
from mypy_boto3_s3 import S3Client

from deploy.minio.setup import POLICY_NAME, RULE_ID, NotYet, Refused, SetupSettings, set_up
from imgclass.embedded.objectstore import ObjectStore
from imgclass.embedded.webhook import Webhook
from tests.environments import environment
from tests.event_receiver import EventReceiver
from tests.servers import (
    ROOT, functions_keys, object_store, object_store_settings, prepared, s3_client_of, started,
    without_minio)

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import QueueConfigurationTypeDef

pytestmark = without_minio
ARN = "arn:minio:sqs::IMGCLASS:webhook"


@pytest.fixture(scope="module")
def store(
    tmp_path_factory: pytest.TempPathFactory, receiver: EventReceiver
) -> Iterator[ObjectStore]:
    """A MinIO of the module's own, which its tests may spoil."""
    layout = prepared(tmp_path_factory.mktemp("setup"))
    with started(object_store(layout, "minio", Webhook(receiver.url))) as store:
        yield store


@pytest.fixture(scope="module")
def environ(store: ObjectStore) -> dict[str, str]:
    """The environment of a setup: that of the functions, and the root keys."""
    root = object_store_settings(store)
    return {**root, **functions_keys(store), "SECRETS_DIR": "/nowhere",
            "MINIO_ROOT_USER": root["MINIO_ACCESS_KEY"],
            "MINIO_ROOT_PASSWORD": root["MINIO_SECRET_KEY"]}


@pytest.fixture
def settings(environ: Mapping[str, str]) -> Iterator[SetupSettings]:
    """The settings of a store that is set up, and set up again afterwards."""
    settings = SetupSettings.load(environ)
    yield settings
    set_up(settings)


@pytest.fixture(scope="module")
def root(store: ObjectStore) -> S3Client:
    return s3_client_of(store, object_store_settings(store))


@pytest.fixture(scope="module")
def admin(environ: Mapping[str, str]) -> MinioAdmin:
    return MinioAdmin(
        endpoint=environ["MINIO_ENDPOINT"], secure=False,
        credentials=StaticProvider(environ["MINIO_ROOT_USER"], environ["MINIO_ROOT_PASSWORD"]))


def rules(root: S3Client) -> list[Any]:
    found: Any = root.get_bucket_notification_configuration(Bucket="images")
    return list(found.get("QueueConfigurations", []))


def rule(name: str, prefix: str) -> QueueConfigurationTypeDef:
    """Somebody's rule that has the same target told of more than ours."""
    return {"Id": name, "QueueArn": ARN, "Events": ["s3:ObjectCreated:*"],
            "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}]}}}


def put_rules(root: S3Client, *given: QueueConfigurationTypeDef) -> None:
    root.put_bucket_notification_configuration(
        Bucket="images", NotificationConfiguration={"QueueConfigurations": given})


def program(environ: Mapping[str, str], *options: str) -> subprocess.Popen[str]:
    """The setup as an operator runs it, started."""
    return subprocess.Popen(
        [sys.executable, ROOT / "deploy" / "minio" / "setup.py", *options],
        env={"PATH": os.defpath, **environ}, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE)


def test_second_run_changes_nothing(
    settings: SetupSettings, root: S3Client, admin: MinioAdmin
) -> None:
    """Rule, policy and user are there once, and the same as before."""
    def state() -> tuple[object, ...]:
        user = json.loads(admin.user_info(settings.minio_access_key))
        policy = json.loads(admin.policy_info(POLICY_NAME))
        # MinIO tells actions and resources in any order.
        allowed = {(action, resource) for statement in policy["Statement"]
                   for action in statement["Action"] for resource in statement["Resource"]}
        return rules(root), user["status"], user["policyName"], allowed

    before = state()
    set_up(settings)
    assert state() == before
    assert [each["Id"] for each in rules(root)] == [RULE_ID]


def test_side_by_side(
    environ: Mapping[str, str], settings: SetupSettings, root: S3Client, admin: MinioAdmin
) -> None:
    """Three setups of an empty store at the same moment all succeed."""
    admin.user_remove(settings.minio_access_key)
    for bucket in settings.buckets:
        root.delete_bucket(Bucket=bucket)
    programs = [program(environ) for _ in range(3)]
    outputs = [each.communicate(timeout=120) for each in programs]
    assert outputs == [("setup: images and models are ready for the functions\n", "")] * 3
    assert [each["Id"] for each in rules(root)] == [RULE_ID]


def test_other_peoples_rules_stay(
    settings: SetupSettings, root: S3Client, receiver: EventReceiver
) -> None:
    """Rules of others are kept, even one like ours, and an upload is announced once."""
    others = [rule("reports", "reports/"), rule("all-uploads", "uploads/")]
    put_rules(root, *others)
    for _ in range(2):
        set_up(settings)
        assert [each for each in rules(root) if each["Id"] != RULE_ID] == others
        assert len(rules(root)) == 3
    for folder in ("reports", "uploads"):
        key = f"{folder}/{uuid.uuid4()}/a.jpg"
        root.put_object(Bucket="images", Key=key, Body=b"x")
        root.delete_object(Bucket="images", Key=key)
        assert len(receiver.about(key)) == 1
    put_rules(root)


def test_rule_of_an_earlier_release_is_replaced(
    settings: SetupSettings, root: S3Client
) -> None:
    """There is one rule of ours, as this release wants it."""
    (wanted,) = rules(root)
    put_rules(root, rule(RULE_ID, "incoming/"))
    set_up(settings)
    assert rules(root) == [wanted]


def test_store_may_announce_by_itself(settings: SetupSettings, root: S3Client) -> None:
    """Without the notification, the rules are none of the setup's business."""
    put_rules(root)
    set_up(settings, notification=False)
    assert rules(root) == []


def test_keys_are_replaced(
    store: ObjectStore, settings: SetupSettings, admin: MinioAdmin
) -> None:
    """A new secret key takes the place of the old one, and rights from elsewhere go."""
    admin.attach_policy(["readwrite"], user=settings.minio_access_key)
    keys = {"MINIO_ACCESS_KEY": settings.minio_access_key, "MINIO_SECRET_KEY": "another-secret"}
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        s3_client_of(store, keys).list_buckets()
    set_up(replace(settings, minio_secret_key="another-secret"))
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        s3_client_of(store, functions_keys(store)).list_buckets()
    with pytest.raises(ClientError, match="AccessDenied"):
        s3_client_of(store, keys).create_bucket(Bucket="more")


@pytest.mark.parametrize(("changes", "words"), [
    ({"minio_root_password": "a wrong password"}, "bucket images: .*SignatureDoesNotMatch"),
    ({"minio_events_arn": "arn:minio:sqs::NOBODY:webhook"},
     "notifications to arn:minio:sqs::NOBODY:webhook: .*destination ARN does not exist"),
    ({"minio_secret_key": "short"}, "user of the functions: .*secret key"),
    ({"minio_bucket_name": "Not_a_bucket"}, "bucket Not_a_bucket: "),
])
def test_refusal_is_one_line(
    settings: SetupSettings, changes: dict[str, Any], words: str
) -> None:
    """What the store refuses is named with its reason, and not tried again."""
    with pytest.raises(Refused, match=words) as caught:
        set_up(replace(settings, **changes))
    assert "\n" not in str(caught.value)


def test_root_keys_are_not_for_functions(settings: SetupSettings) -> None:
    """The functions cannot be given the administrator's keys by mistake."""
    with pytest.raises(Refused, match="user of the functions: .*same as admin"):
        set_up(replace(settings, minio_access_key=settings.minio_root_user))


def test_rights_are_proven(settings: SetupSettings, admin: MinioAdmin) -> None:
    """Keys that somebody else is to see to, but that do not fit, are noticed."""
    admin.policy_unset(POLICY_NAME, user=settings.minio_access_key)
    with pytest.raises(Refused, match="bucket images with the functions' keys: .*AccessDenied"):
        set_up(settings, user=False)


def test_patience_ends(settings: SetupSettings) -> None:
    """A store that does not answer is not waited for forever."""
    with pytest.raises(NotYet, match="bucket images: Could not connect"):
        set_up(replace(settings, minio_endpoint="127.0.0.1:1"), patience_seconds=0.5)


def test_missing_setting() -> None:
    """A setting that is missing is named in one line; those of the functions are not needed."""
    outcome = program({**environment(), "MINIO_ROOT_USER": "root"})
    output, errors = outcome.communicate(timeout=60)
    assert (outcome.returncode, output) == (1, "")
    assert errors == "setup: MINIO_ROOT_PASSWORD is not set (its secret key)\n"
