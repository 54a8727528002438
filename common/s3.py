"""An object store behind S3, and what its errors mean.

boto3 takes a fifth of a second to import, which a function that answers its first request does
without (see common.quick_store): it is imported where it is needed.
"""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.errors import ImgclassError, NotFound, ObjectChanged, StoreUnavailable
from common.storage import ListedObject, ObjectVersion, PresignedPost, StoredObject, Writing
from common.tracing import span

if TYPE_CHECKING:
    from boto3.s3.transfer import TransferConfig
    from botocore.exceptions import ClientError
    from botocore.response import StreamingBody
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import (
        CopySourceTypeDef, GetObjectOutputTypeDef, HeadObjectOutputTypeDef)

CHUNK_BYTES = 1 << 18
_MISSING = {
    "404", "NoSuchKey", "NotFound", "NoSuchVersion",
    # Under what cannot be a key there is nothing.
    "KeyTooLongError", "XMinioInvalidObjectName", "XMinioInvalidResourceName"}
DOTS = {".", ".."}  # a URL's path cannot hold them
_BAD_REQUEST = "400"  # to HEAD, whose answers have no body to say more
_CHANGED = {"412", "PreconditionFailed"}


class S3ObjectStore:
    """ObjectStore on MinIO or any other S3 server."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, key: str, data: bytes, content_type: str) -> None:
        with _translated():
            self._client.put_object(
                Bucket=self._bucket, Key=key, Body=data, ContentType=content_type)

    def upload(self, key: str, path: Path) -> None:
        with _translated():
            self._client.upload_file(str(path), self._bucket, key, Config=_sequential())

    def get(self, key: str, version_id: str = "") -> StoredObject:
        with _translated(key):
            answer = self._client.get_object(
                Bucket=self._bucket, Key=key, **_version(version_id))
        return StoredObject(
            _chunks(answer["Body"], key), answer["ContentLength"], answer["ContentType"],
            _writing(answer))

    def exists(self, key: str) -> bool:
        try:
            self._head(key)
        except NotFound:
            return False
        return True

    def copy(
        self, source: str, key: str, content_type: str = "", writing: Writing | None = None
    ) -> None:
        place: CopySourceTypeDef = {"Bucket": self._bucket, "Key": source}
        options: dict[str, Any] = {}
        if content_type:
            options = {"MetadataDirective": "REPLACE", "ContentType": content_type}
        if writing is not None:
            options["CopySourceIfMatch"] = f'"{writing.etag}"'
            if writing.version_id:
                place["VersionId"] = writing.version_id
        with _translated(source):
            self._client.copy_object(
                Bucket=self._bucket, Key=key, CopySource=place, **options)

    def download(self, key: str, path: Path) -> None:
        with self._looked_up(key), path.open("wb") as file:
            self._client.download_fileobj(self._bucket, key, file, Config=_sequential())

    def list(self, prefix: str) -> Iterator[ListedObject]:
        pages = self._client.get_paginator("list_objects_v2")
        with _translated():
            for page in pages.paginate(Bucket=self._bucket, Prefix=prefix):
                for item in page.get("Contents", []):
                    yield ListedObject(
                        item["Key"], item["LastModified"], item["Size"], item["ETag"].strip('"'))

    def versions(self, prefix: str) -> Iterator[ObjectVersion]:
        pages = self._client.get_paginator("list_object_versions")
        with _translated():
            for page in pages.paginate(Bucket=self._bucket, Prefix=prefix):
                found = [
                    ObjectVersion(item["Key"], item["VersionId"], item["ETag"].strip('"'),
                                  item["LastModified"])
                    for item in page.get("Versions", [])]
                found += [
                    ObjectVersion(mark["Key"], mark["VersionId"], "", mark["LastModified"])
                    for mark in page.get("DeleteMarkers", [])]
                yield from sorted(found, key=lambda each: each.key)

    def delete(self, key: str, version_id: str = "") -> None:
        with suppress(NotFound):
            self._delete(key, version_id)

    def delete_writing(self, key: str, writing: Writing) -> None:
        try:
            # MinIO does not heed If-Match when it deletes: what remains is the moment between
            # these two requests. In a bucket with versions there is none.
            if not writing.version_id and self._head(key).etag != writing.etag:
                return
            self._delete(key, writing.version_id, writing.etag)
        except (NotFound, ObjectChanged):
            return

    def presign_post(
        self, key: str, content_type: str, max_bytes: int, seconds: int
    ) -> PresignedPost:
        """A form with which anybody may store this object for some time, without credentials.

        The store refuses another key, another media type, an empty file and one of more than
        `max_bytes`. Nothing is sent.
        """
        answer = self._client.generate_presigned_post(
            self._bucket, key, Fields={"Content-Type": content_type},
            Conditions=[{"Content-Type": content_type}, ["content-length-range", 1, max_bytes]],
            ExpiresIn=seconds)
        return PresignedPost(answer["url"], answer["fields"])

    def ping(self) -> None:
        try:
            with _translated(self._bucket):
                self._client.head_bucket(Bucket=self._bucket)
        except NotFound as error:
            raise StoreUnavailable(f"There is no bucket {self._bucket}.") from error

    def _head(self, key: str) -> Writing:
        """Which writing of an object lies there. Raises NotFound and StoreUnavailable."""
        with self._looked_up(key):
            return _writing(self._client.head_object(Bucket=self._bucket, Key=key))

    def _delete(self, key: str, version_id: str, etag: str = "") -> None:
        """Remove an object or a version of it, where an `etag` is given only if that is its.

        Raises NotFound, ObjectChanged and StoreUnavailable.
        """
        condition: dict[str, Any] = {"IfMatch": f'"{etag}"'} if etag else {}
        with _translated(key):
            self._client.delete_object(
                Bucket=self._bucket, Key=key, **condition, **_version(version_id))

    @contextmanager
    def _looked_up(self, key: str) -> Iterator[None]:
        """Translate errors of what begins with HEAD; where it does not say enough, GET does."""
        from botocore.exceptions import ClientError

        with _translated(key):
            try:
                yield
            except ClientError as error:
                if _code(error) == _BAD_REQUEST:
                    self._client.get_object(Bucket=self._bucket, Key=key)["Body"].close()
                raise


def _sequential() -> TransferConfig:
    """Models are moved rarely and one at a time: no threads of boto3's own."""
    from boto3.s3.transfer import TransferConfig

    return TransferConfig(use_threads=False)


def error_of(code: str | None, read_key: str | None) -> ImgclassError:
    """What an S3 error code means to who reads the object `read_key`, or none.

    Only of an object that is read can be said that it is not there: without its bucket the store
    is of no use, whoever asks.
    """
    if read_key is not None and code in _MISSING:
        return NotFound(f"There is no object {read_key}.")
    return ObjectChanged() if code in _CHANGED else StoreUnavailable()


@contextmanager
def _translated(read_key: str | None = None) -> Iterator[None]:
    if read_key is not None and not DOTS.isdisjoint(read_key.split("/")):
        raise NotFound(f"There is no object {read_key}.")
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError
    from s3transfer.exceptions import RetriesExceededError

    try:
        with span("S3"):
            yield
    except ClientError as error:
        raise error_of(_code(error), read_key) from error
    # What boto3 and the libraries below it raise beside ClientError; they have no common base.
    except (BotoCoreError, Boto3Error, ResponseParserError, RetriesExceededError) as error:
        raise StoreUnavailable() from error


def _code(error: ClientError) -> str | None:
    return error.response.get("Error", {}).get("Code")


def _version(version_id: str) -> dict[str, Any]:
    return {"VersionId": version_id} if version_id else {}


def writing_of(etag: str, modified: datetime, version_id: str) -> Writing:
    """A writing, as a store's headers name it: the ETag in quotes, no version as "null"."""
    return Writing(etag.strip('"'), modified, "" if version_id == "null" else version_id)


def _writing(answer: HeadObjectOutputTypeDef | GetObjectOutputTypeDef) -> Writing:
    return writing_of(answer["ETag"], answer["LastModified"], answer.get("VersionId", ""))


def _chunks(body: StreamingBody, key: str) -> Iterator[bytes]:
    with _translated(key):
        try:
            yield from body.iter_chunks(CHUNK_BYTES)
        finally:
            body.close()
