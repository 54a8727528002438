"""/api/v1/models: registering, listing and showing versions; who may, and what goes wrong."""
from __future__ import annotations

import gc
import hashlib
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from common.serving import PUBLIC_PATHS
from model_admin.app import FRAMING_BYTES
from model_admin.registry.repository import NewVersion
from tests import tokens
from tests.archives import LABELS, archive, members, pack
from tests.contracts.registry import new_version
from tests.fakes.registry import FOUND, LISTED, InMemoryVersionRepository
from tests.ids import ID
from tests.unit.model_admin.conftest import MAX_BYTES, House

MODELS = "/api/v1/models"
RULES = [rule for rule in House().app.url_map.iter_rules() if rule.rule not in PUBLIC_PATHS]
ROUTES = [(method, rule) for rule in RULES for method in sorted(rule.methods or ())]

Register = Callable[[bytes], dict[str, Any]]


def path_of(rule: Rule, version: str = "v1") -> str:
    return rule.rule.replace("<version>", version)


def refused(answer: TestResponse, status: int) -> str:
    """The detail of a problem."""
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/problem+json"
    detail: str = answer.json["detail"]
    return detail


def test_routes_are_tried() -> None:
    """The routes tried below are those of the interface."""
    assert {("POST", MODELS), ("GET", MODELS), ("GET", f"{MODELS}/<version>")} <= {
        (method, rule.rule) for method, rule in ROUTES}


@pytest.mark.parametrize(("method", "rule"), ROUTES, ids=str)
def test_needs_a_token(house: House, method: str, rule: Rule) -> None:
    """Without a token no route answers anything."""
    house.versions.insert(new_version())
    answer = house.app.test_client().open(path_of(rule), method=method)
    assert answer.status_code == 401


@pytest.mark.parametrize("roles", [[], ["user"], ["Admin"], ["administrator"]], ids=str)
@pytest.mark.parametrize(("method", "rule"), ROUTES, ids=str)
def test_needs_an_administrator(
    house: House, method: str, rule: Rule, roles: list[str],
) -> None:
    """A token without the role admin is refused, whether the version exists or not."""
    house.versions.insert(new_version())
    for version in ("v1", "v2"):
        answer = house.app.test_client().open(
            path_of(rule, version), method=method, headers=tokens.bearer("user", roles=roles))
        assert answer.status_code == 403
    assert house.versions.rows["v1"]["is_active"] is False
    assert house.objects() == {}


def test_register(house: House) -> None:
    """A new archive is stored as it was sent, gets a row, and its validation begins."""
    data = archive(description="Größe")
    answer = house.register(data)
    assert answer.status_code == 202, answer.text
    assert answer.headers["Location"] == f"{MODELS}/v1"
    assert set(answer.json) == set(FOUND)
    digest = hashlib.sha256(data).hexdigest()
    expected = {
        "version": "v1", "name": "tiny", "state": "validating", "is_active": False,
        "digest": digest, "twin_digest": None, "size_bytes": len(data), "report": None,
        "registered_by": str(house.admin), "validated_at": None, "activated_at": None}
    assert {name: answer.json[name] for name in expected} == expected
    assert answer.json["manifest"]["description"] == "Größe"
    assert answer.json["created_at"].endswith("Z")
    assert house.objects() == {
        f"v1/{digest}/archive.zip": data,
        f"v1/{digest}/labels.txt": "\n".join(LABELS).encode() + b"\n"}
    assert house.woken == 1


def test_location_leads_to_the_version(house: House) -> None:
    """The version can be polled where the answer says."""
    answer = house.register(archive(version="2026-01.a_b"))
    assert house.get(answer.headers["Location"]).json == answer.json


def test_register_again(house: House, registered: Register) -> None:
    """The same archive again is no news: its row as it is by now, nothing stored, no waking."""
    data = archive()
    registered(data)
    house.versions.rows["v1"].update(state="ready", report={"ops": []})
    house.store.objects.clear()
    answer = house.register(data, name="another-name.zip")
    assert (answer.status_code, answer.json["state"]) == (200, "ready")
    assert answer.headers["Location"] == f"{MODELS}/v1"
    assert (house.objects(), house.woken) == ({}, 1)


def test_register_again_what_was_rejected(house: House, registered: Register) -> None:
    """A rejected archive stays rejected."""
    data = archive()
    registered(data)
    house.versions.rows["v1"].update(state="rejected", report={"reason": "It answers NaN."})
    answer = house.register(data)
    assert (answer.status_code, answer.json["report"]) == (200, {"reason": "It answers NaN."})


def test_register_another_archive(house: House, registered: Register) -> None:
    """A version never changes: another archive under its name is refused and not stored."""
    row = registered(archive())
    before = house.objects()
    detail = refused(house.register(archive(description="other")), 409)
    assert "v1" in detail and "version" in detail
    assert house.get(f"{MODELS}/v1").json == row
    assert (house.objects(), house.woken) == (before, 1)


def test_the_same_model_under_two_versions(house: House, registered: Register) -> None:
    """Versions live side by side."""
    registered(archive())
    registered(archive(version="v2"))
    assert len(house.objects()) == 4


def test_names_of_uploads_mean_nothing(house: House) -> None:
    """What the client calls its file leads nowhere."""
    assert house.register(archive(), name="../../../etc/cron.d/x").status_code == 202
    assert all(key.startswith("v1/") for key in house.objects())


@pytest.mark.parametrize("options", [
    {}, {"data": b"PK"}, {"data": archive(), "content_type": "application/zip"},
    {"json": {"archive": "x"}}, {"data": {"archive": "text"}},
    {"data": {"file": (io.BytesIO(b"x"), "model.zip")}},
    {"data": b"--x\r\nbroken", "content_type": "multipart/form-data; boundary=x"},
    {"data": b"x", "content_type": "multipart/form-data"}])
def test_no_archive(house: House, options: dict[str, Any]) -> None:
    """A request without the file is told which field it misses."""
    assert "archive" in refused(house.ask("POST", MODELS, **options), 400)


@pytest.mark.parametrize(("data", "reason"), [
    (b"", "The archive is not an intact zip file"),
    (b"no zip", "The archive is not an intact zip file"),
    (archive()[:-10], "The archive is not an intact zip file"),
    (pack({**members(), "model.h5": b"x"}), "'model.h5' is refused"),
    (archive(version="v 1"), "manifest.json: $.version: "),
    (archive(version=".."), "manifest.json: $.version: "),
    (archive(top_k=5.0), "manifest.json: $.top_k: "),
], ids=["empty", "text", "truncated", "hdf5", "version", "parent", "float"])
def test_bad_archive(house: House, data: bytes, reason: str) -> None:
    """A bad archive is refused with the reason, and nothing of it is kept."""
    assert refused(house.register(data), 422).startswith(reason)
    assert (house.objects(), house.versions.rows, house.woken) == ({}, {}, 0)


def form(data: bytes) -> bytes:
    """A form of the boundary x with an archive."""
    return (b'--x\r\nContent-Disposition: form-data; name="archive"; filename="a"\r\n\r\n'
            + data + b"\r\n--x--\r\n")


def send(house: House, body: bytes, chunked: bool) -> TestResponse:
    """Post such a form, with its length or, as servers pass it on, in chunks."""
    stream = {"input_stream": io.BytesIO(body), "environ_overrides": {
        "wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}}
    options: dict[str, Any] = stream if chunked else {"data": body}
    return house.ask(
        "POST", MODELS, content_type="multipart/form-data; boundary=x", **options)


# Werkzeug's form parser leaves its temporary file to the garbage collector when reading fails.
@pytest.mark.filterwarnings(
    "ignore:.*SpooledTemporaryFile:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("chunked", [False, True])
def test_too_long(house: House, chunked: bool) -> None:
    """A body beyond the limit is refused, whether it says its length or not."""
    answer = send(house, form(bytes(MAX_BYTES + FRAMING_BYTES)), chunked)
    assert str(MAX_BYTES + FRAMING_BYTES) in refused(answer, 413)
    assert house.objects() == {}
    gc.collect()


@pytest.mark.parametrize("chunked", [False, True])
def test_length_does_not_matter(house: House, chunked: bool) -> None:
    """A body within the limit is an archive, whether it says its length or not."""
    data = archive()
    answer = send(house, form(data), chunked)
    assert answer.status_code == 202
    assert answer.json["digest"] == hashlib.sha256(data).hexdigest()


def test_unpacks_to_too_much(house: House) -> None:
    """The limit holds for what is in the archive as well."""
    data = pack({**members(), "saved_model/saved_model.pb": b"ab" * MAX_BYTES})
    detail = refused(house.register(data), 422)
    assert "compressed" in detail or "unpacks" in detail


def test_store_down(house: House) -> None:
    """What cannot be stored is not registered."""
    house.store.down = True
    answer = house.register(archive())
    refused(answer, 503)
    assert int(answer.headers["Retry-After"]) > 0
    assert (house.versions.rows, house.woken) == ({}, 0)


@pytest.mark.parametrize(("method", "path"), [("GET", MODELS), ("GET", f"{MODELS}/v1")])
def test_database_down(house: House, method: str, path: str) -> None:
    """Without the database nothing can be shown."""
    house.versions.down = True
    answer = house.ask(method, path)
    assert refused(answer, 503) == "The database does not answer."
    assert int(answer.headers["Retry-After"]) > 0


def test_database_lost_while_storing(house: House) -> None:
    """An archive that was stored but not recorded can simply be sent again."""
    house.store.before_put = lambda: setattr(house.versions, "down", True)
    refused(house.register(archive()), 503)
    house.versions.down, house.store.before_put = False, lambda: None
    assert house.register(archive()).status_code == 202
    assert len(house.objects()) == 2


def rival(house: House, digest: str) -> None:
    """Somebody registers v1 while the next archive is being stored."""
    version: NewVersion = new_version(digest=digest)
    house.store.before_put = lambda: house.versions.insert(version)


def test_rival_with_another_archive(house: House) -> None:
    """Of two archives at the same moment one wins; the other is refused and leaves nothing."""
    rival(house, "f" * 64)
    refused(house.register(archive()), 409)
    assert house.versions.rows["v1"]["digest"] == "f" * 64
    assert (house.objects(), house.woken) == ({}, 0)


def test_rival_with_the_same_archive(house: House) -> None:
    """The same archive twice at the same moment is one registration."""
    data = archive()
    rival(house, hashlib.sha256(data).hexdigest())
    assert house.register(data).status_code == 200
    assert data in house.objects().values()


def test_rival_while_the_store_goes_down(caplog: pytest.LogCaptureFixture) -> None:
    """What the loser cannot remove is left behind and logged; the answer is the same."""
    class LostRace(InMemoryVersionRepository):
        def insert(self, version: NewVersion) -> bool:
            house.store.down = True
            super().insert(new_version(digest="f" * 64))
            return super().insert(version)

    house = House(versions=LostRace())
    refused(house.register(archive()), 409)
    assert "left behind" in caplog.text


def test_list(house: House, registered: Register) -> None:
    """Versions are listed, the newest first, without manifests and reports."""
    assert house.get(MODELS).json == {"models": []}
    first, second = registered(archive()), registered(archive(version="v2"))
    listed = house.get(MODELS).json
    assert list(listed) == ["models"]
    assert listed["models"] == [
        {name: row[name] for name in LISTED} for row in (second, first)]


def test_show(house: House, registered: Register) -> None:
    """A version is shown with its manifest and, once there is one, its report."""
    registered(archive())
    report = {"twin": {"accepted": False, "reason": "It does not compile."}}
    house.versions.rows["v1"].update(state="ready", report=report)
    shown = house.get(f"{MODELS}/v1").json
    assert shown["manifest"] == json.loads(members()["manifest.json"])
    assert (shown["state"], shown["report"]) == ("ready", report)


@pytest.mark.parametrize("version", [
    "v2", "V1", "%00", "v1%00", "v1%0A", "..", "%2e%2e", "v1%20", "x" * 5000, "%F0%9F%93%B7",
    str(ID), "%27;--"])
@pytest.mark.parametrize(("method", "rule"), [
    (method, rule) for method, rule in ROUTES if rule.arguments and method != "OPTIONS"], ids=str)
def test_unknown_versions(
    house: House, registered: Register, method: str, rule: Rule, version: str,
) -> None:
    """What is no version of ours is not found, whatever it looks like."""
    registered(archive())
    assert house.ask(method, path_of(rule, version)).status_code in (404, 405)
