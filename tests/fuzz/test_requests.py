"""Requests of every kind to functions whose servers are in memory: an answer below 500, always."""
from __future__ import annotations

from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

from tests import tokens
from tests.function_process import form
from tests.fuzz.damage import damaged
from tests.fuzz.trials import Trials
from tests.pictures import png
from tests.unit.history.conftest import House
from tests.unit.predict.test_routes import USER, Function

HOSTILE = st.sampled_from([
    "' OR 1=1 --", "'; DROP TABLE images; --", "\" UNION SELECT 1", "%27%20OR%201=1", "\\", "%",
    "_", "$$", "../../etc/passwd", "..\\..\\x", "\0", "a\0b", "\r\nSet-Cookie: a=b",
    "\u202egnp.exe", "сир.jpg", "cup.jpg\u200b", "<script>alert(1)</script>", "${jndi:ldap://x}",
    "{{7*7}}", "A" * 5000, "\ud7ff", "\U0010ffff", "NaN", "inf", "-1", "1e309", "0x10", "１２",
    "9" * 400, "true", "null", "2026-01-31", "2026-01-31T12:00:00+99:00", "0000-00-00",
    "9999-12-31T23:59:59-23:59"])
TEXT = st.one_of(HOSTILE, st.text(st.characters(codec="utf-8"), max_size=40))
HEADER = st.one_of(
    HOSTILE, st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=60),
).filter(lambda text: "\r" not in text and "\n" not in text).map(
    lambda text: text.encode("utf-8").decode("latin-1"))
HEADERS = st.dictionaries(
    st.sampled_from(["X-Request-Id", "X-Timeout-Ms", "Idempotency-Key", "If-None-Match", "Range",
                     "Accept", "X-Forwarded-For", "X-On-Behalf-Of"]), HEADER, max_size=3)
FIELDS = ("predicted_class", "min_confidence", "model_version", "source", "from", "to", "page",
          "limit", "cursor", "user_id")


def test_forms(trials: Trials) -> None:
    """Damaged and odd forms are answered."""
    function = Function()
    good = form("limit", {"user_id": str(USER), "top_k": "3"}, png(30, 20))

    def attempt(sent: tuple[bytes, str]) -> Any:
        body, media_type = sent
        return function.client.post(
            "/api/v1/predict", data=body,
            headers={**tokens.bearer(USER), "Content-Type": media_type})

    media_types = st.one_of(
        st.just("multipart/form-data; boundary=limit"),
        st.sampled_from([
            "multipart/form-data", "multipart/form-data; boundary=", "application/json",
            "multipart/form-data; boundary=" + "b" * 300, "text/plain",
            "application/x-www-form-urlencoded", "multipart/mixed; boundary=limit"]))
    trials.run("multipart form", st.tuples(damaged([good]), media_types), attempt)


def test_names_and_fields(trials: Trials) -> None:
    """A picture may have any name; fields have the values they may have, or are refused."""
    function = Function()

    def attempt(sent: tuple[str, dict[str, str], dict[str, str]]) -> Any:
        name, fields, headers = sent
        return function.post(png(30, 20), name, headers=headers, **fields)

    fields = st.dictionaries(st.sampled_from(["top_k", "user_id", "other"]), TEXT, max_size=2)
    trials.run("file name, fields and headers", st.tuples(TEXT, fields, HEADERS), attempt)
    for row in function.repository.predictions.values():
        assert row.filename.isprintable() and len(row.filename) <= 255, row.filename


def test_queries(trials: Trials) -> None:
    """Any filter, page and cursor is understood or refused."""
    house = House()
    house.predicted()

    def attempt(sent: tuple[list[tuple[str, str]], dict[str, str]]) -> Any:
        query, headers = sent
        return house.app.test_client().get(
            "/api/v1/predictions", headers={**tokens.bearer(house.ada), **headers},
            query_string="&".join(f"{name}={quote(value)}" for name, value in query))

    pairs = st.lists(st.tuples(st.sampled_from(FIELDS), TEXT), max_size=4)
    trials.run("query string", st.tuples(pairs, HEADERS), attempt)


def test_paths(trials: Trials) -> None:
    """Any path is answered, and none leads to what it should not."""
    house = House()
    parts = st.one_of(TEXT, st.sampled_from([
        "api", "v1", "predictions", "images", "content", "users", "me", "..", ".", "", "%2e%2e"]))
    known = st.sampled_from(["", "api/v1/predictions", "api/v1/images/", "api/v1/users/"])
    paths = st.builds("{}{}".format, known, st.lists(parts, max_size=4).map("/".join))
    methods = st.sampled_from(
        ["GET", "HEAD", "DELETE", "PUT", "POST", "PATCH", "OPTIONS", "TRACE"])

    def attempt(sent: tuple[str, str]) -> Any:
        path, method = sent
        return house.app.test_client().open(
            method=method, headers=tokens.bearer(house.ada),
            environ_overrides={"PATH_INFO": "/" + path.encode().decode("latin-1")})

    trials.run("path", st.tuples(paths, methods), attempt)
