"""Looks for words in every column of every table, and in every version in a bucket."""
from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from psycopg2 import sql

from common.config import Settings
from tests.databases import connect

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

COLUMNS = """
    SELECT table_name, column_name FROM information_schema.columns
    JOIN information_schema.tables USING (table_schema, table_name)
    WHERE table_schema = 'public' AND table_type = 'BASE TABLE'
    ORDER BY table_name, ordinal_position
"""
COUNT = "SELECT count(*) AS n FROM {} WHERE position(lower(%s) IN lower({}::text)) > 0"


def columns(settings: Settings) -> list[tuple[str, str]]:
    """Every table with each of its columns."""
    connection = connect(settings)
    try:
        with connection.cursor() as cursor:
            cursor.execute(COLUMNS)
            return [(row["table_name"], row["column_name"]) for row in cursor.fetchall()]
    finally:
        connection.close()


def rows_with(settings: Settings, words: Iterable[object]) -> dict[tuple[str, str], set[str]]:
    """In which columns, as table and name, which of the words stand, as part of any value."""
    found: dict[tuple[str, str], set[str]] = {}
    connection = connect(settings)
    try:
        with connection.cursor() as cursor:
            for table, column in columns(settings):
                for word in map(str, words):
                    cursor.execute(
                        sql.SQL(COUNT).format(sql.Identifier(table), sql.Identifier(column)),
                        (word,))
                    if cursor.fetchone()["n"]:
                        found.setdefault((table, column), set()).add(word)
    finally:
        connection.close()
    return found


def objects_with(
    client: S3Client, bucket: str, words: Iterable[object], contents: Iterable[bytes]
) -> list[str]:
    """The keys of all versions, and marks of deletions, that have one of the words in their key
    or one of the contents."""
    words, contents, found = [*map(str, words)], set(contents), []
    for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for mark in page.get("DeleteMarkers", []):
            found += [mark["Key"] for word in words if word in mark["Key"]]
        for version in page.get("Versions", []):
            stored = client.get_object(
                Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
            if stored["Body"].read() in contents or any(
                    word in version["Key"] for word in words):
                found.append(version["Key"])
    return found
