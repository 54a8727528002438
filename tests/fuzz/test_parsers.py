"""What reads untrusted bytes takes them or says what is wrong with them, whatever they are."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from PIL import Image

from common.auth import Authenticator
from common.cursors import Position
from common.inference.imaging import open_picture, preprocess
from common.inference.manifest import Manifest
from model_admin.registry.archive import read_archive, unpack_archive
from model_admin.registry.manifest import check_manifest
from predict.inbox.notifications import read_notification
from tests import archives, notifications, pictures, tokens
from tests.environments import settings
from tests.fuzz.damage import damaged
from tests.fuzz.trials import Trials
from tests.manifests import manifest

MAX_PIXELS = 4_000_000
PICTURES = [
    pictures.jpeg(80, 60), pictures.png(40, 30), pictures.webp(80, 60), pictures.rotated(6)[:9000],
    pictures.encode(pictures.scene(80, 60), "JPEG", progressive=True),
    pictures.encode(pictures.scene(80, 60).convert("CMYK"), "JPEG"),
    pictures.encode(pictures.scene(40, 30).convert("P"), "PNG", transparency=0),
    pictures.encode(pictures.grey16(40, 30), "PNG"),
    pictures.encode(Image.new("RGBA", (33, 21)), "WEBP", lossless=True),
    pictures.animated("WEBP"), pictures.animated("PNG"), pictures.mpo()[:20_000],
]
KEYS = st.text(st.characters(codec="utf-8"), max_size=300)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner),
    max_leaves=15)


def test_pictures(trials: Trials) -> None:
    """Damaged pictures of every kind are decoded or refused."""
    trials.run("picture", damaged(PICTURES), lambda data: preprocess(
        open_picture(data, MAX_PIXELS), manifest()))


def test_pictures_from_nothing(trials: Trials) -> None:
    """So are arbitrary bytes behind the first ones of a picture."""
    heads = st.sampled_from([b"\xff\xd8\xff", pictures.PNG_SIGNATURE, b"RIFF\0\0\0\0WEBPVP8 ",
                             b"RIFF\x20\0\0\0WEBPVP8L", b"RIFF\x20\0\0\0WEBPVP8X"])
    trials.run(
        "bytes behind a picture's signature",
        st.builds(bytes.__add__, heads, st.binary(max_size=400)),
        lambda data: preprocess(open_picture(data, MAX_PIXELS), manifest()))


def test_tokens(trials: Trials) -> None:
    """Tokens of any header and claims, signed with the right secret or not, are valid or 401."""
    authenticator = Authenticator(settings())
    claim = st.one_of(JSON, st.sampled_from([tokens.ISSUER, tokens.AUDIENCE, 0, -1, 1e308, 2**70]))
    payloads = st.builds(
        lambda changes: {**tokens.claims("ada"), **changes},
        st.dictionaries(st.sampled_from(
            ["iss", "aud", "exp", "nbf", "iat", "sub", "email", "roles", "scope"]), claim))
    headers = st.one_of(
        st.just({"alg": "HS256", "typ": "JWT"}), JSON,
        st.dictionaries(st.sampled_from(["alg", "typ", "kid", "jwk", "jku", "crit", "b64"]), JSON))
    made = st.builds(
        tokens.hmac_signed, headers, st.one_of(payloads, JSON),
        st.sampled_from([tokens.SECRET.encode(), b"another"]))
    text = st.text(st.characters(codec="latin-1"), max_size=60)
    trials.run(
        "token", st.one_of(made, damaged([tokens.hs256("ada").encode()]).map(
            lambda data: data.decode("latin-1")), text),
        lambda token: authenticator.authenticate(f"Bearer {token}"))


def test_cursors(trials: Trials) -> None:
    """A cursor nobody was given is refused."""
    good = "MjAyNi0wMS0zMVQxMjowMDowMCswMDowMCA2ZjFjM2E1Mi01OGZmLTRjMWMtOGYwZS0wZDhmMGY2ZDJjMTE"
    trials.run("cursor", st.one_of(KEYS, damaged([good.encode()]).map(
        lambda data: data.decode("latin-1"))), Position.decode)


def test_notifications(trials: Trials) -> None:
    """A notification is never an error: a sender that is refused would send it for ever."""
    samples = [json.dumps(each).encode() for each in (
        notifications.minio(notifications.minio_record("uploads/a/cup.jpg")),
        notifications.rustfs("uploads/a/cup.jpg"))]
    documents = st.builds(
        lambda key, written: json.dumps(notifications.minio(
            notifications.minio_record(key, **written))).encode(),
        KEYS, st.dictionaries(st.sampled_from(["size", "eTag", "sequencer", "versionId"]), JSON))
    bodies = st.one_of(
        damaged(samples), documents, JSON.map(lambda made: json.dumps(made).encode()))
    headers = st.dictionaries(
        st.sampled_from(["Content-Type", "ce-id", "ce-type", "ce-source", "ce-specversion"]),
        st.one_of(st.sampled_from(["application/json", "application/cloudevents+json",
                                   "application/cloudevents-batch+json", "1.0"]), KEYS))
    trials.run("notification", st.tuples(bodies, headers), lambda sent: read_notification(*sent))


def test_archives(trials: Trials, tmp_path: Path) -> None:
    """A damaged model archive is refused, and leaves nothing outside its folder."""
    path, folder = tmp_path / "model.zip", tmp_path / "unpacked"

    def attempt(data: bytes) -> None:
        path.write_bytes(data)
        folder.mkdir(exist_ok=True)
        unpack_archive(read_archive(path, 1 << 20), folder)

    names = st.one_of(KEYS, st.sampled_from(
        ["../evil", "/etc/passwd", "saved_model/../../x", "saved_model/saved_model.pb\0.txt",
         "golden/a.jpg", "SAVED_MODEL/saved_model.pb", "C:\\x", "con", "golden/."]))
    added = st.builds(
        lambda name, data: archives.pack([*archives.members().items(), (name, data)]),
        names.filter(lambda name: len(name.encode()) < 60_000), st.binary(max_size=50))
    trials.run("model archive", st.one_of(damaged([archives.archive()]), added), attempt)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["model.zip", "unpacked"]


def test_manifests(trials: Trials) -> None:
    """A manifest is well-formed, or refused."""
    good = archives.manifest(archives.members())

    def changed(path: list[str], value: Any) -> bytes:
        document = json.loads(json.dumps(good))
        inner = document
        for name in path[:-1]:
            inner = inner.setdefault(name, {}) if isinstance(inner, dict) else document
        if isinstance(inner, dict):
            inner[path[-1]] = value
        return json.dumps(document).encode()

    paths = st.lists(st.sampled_from(
        [*good, "height", "width", "resize", "mode", "size", "normalization", "mean", "scale",
         "count", "crop", "kind", "dtype", "filter"]), min_size=1, max_size=3)
    texts = st.one_of(st.builds(changed, paths, JSON), damaged([json.dumps(good).encode()]))
    trials.run(
        "manifest", texts, lambda text: Manifest.from_json(check_manifest(text)))


def test_graphs(trials: Trials, tmp_path: Path) -> None:
    """A damaged graph is parsed and checked, or refused; none of it is run."""
    from model_admin.validation.ops import check_ops
    from tests.tiny_model import TinyModel

    graph = (TinyModel(tmp_path / "tiny").folder / archives.GRAPH).read_bytes()

    def attempt(data: bytes) -> None:
        (tmp_path / "saved_model.pb").write_bytes(data)
        check_ops(tmp_path)

    trials.run("model graph", damaged([graph]), attempt)
