"""Model archives: whatever is wrong with one is found before anything of it is used."""
from __future__ import annotations

import hashlib
import io
import json
import random
import re
import stat
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest

from common.errors import InvalidModel
from model_admin.registry.archive import (
    MAX_MEMBERS,
    MAX_TEXT_BYTES,
    ModelArchive,
    read_archive,
    unpack_archive,
)
from tests.archives import GRAPH, LABELS, archive, members, pack
from tests.pictures import jpeg

LIMIT = 1 << 20
GOLDEN = "golden/cup.jpg"


@pytest.fixture
def read(tmp_path: Path) -> Any:
    """Write bytes to a file and read them as an archive."""
    def read(data: bytes, max_bytes: int = LIMIT) -> ModelArchive:
        path = tmp_path / "archive.zip"
        path.write_bytes(data)
        return read_archive(path, max_bytes)
    return read


def refusal(read: Any, data: bytes, max_bytes: int = LIMIT) -> str:
    """Why the bytes are refused."""
    with pytest.raises(InvalidModel) as caught:
        read(data, max_bytes)
    return str(caught.value)


def with_member(name: str | zipfile.ZipInfo, data: bytes = b"x") -> bytes:
    """A good archive with one more member."""
    return pack([*members().items(), (name, data)])


def with_attributes(mode: int) -> bytes:
    """A good archive whose graph has a Unix file mode."""
    files = members()
    info = zipfile.ZipInfo(GRAPH)
    info.external_attr = mode << 16
    return pack([*((name, data) for name, data in files.items() if name != GRAPH),
                 (info, files[GRAPH])])


def patched(data: bytes, central: int, local: int, size: str, value: int) -> bytes:
    """An archive with a field of its first member overwritten in both of its headers."""
    bytes_ = bytearray(data)
    struct.pack_into(size, bytes_, bytes_.index(b"PK\x01\x02") + central, value)
    struct.pack_into(size, bytes_, bytes_.index(b"PK\x03\x04") + local, value)
    return bytes(bytes_)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_good(read: Any, compression: int) -> None:
    """A good archive is described: its digest, its size, its manifest, its labels."""
    files = members()
    data = pack(files, compression)
    found = read(data)
    assert found.digest == hashlib.sha256(data).hexdigest()
    assert found.size_bytes == len(data)
    assert found.manifest == json.loads(files["manifest.json"])
    assert found.labels == files["labels.txt"]


def test_unpack(read: Any, tmp_path: Path) -> None:
    """Exactly the members are written, unchanged."""
    files = members()
    unpack_archive(read(pack([("saved_model/", b""), ("golden/", b""), *files.items()])),
                   tmp_path / "model")
    assert {path.relative_to(tmp_path / "model").as_posix(): path.read_bytes()
            for path in (tmp_path / "model").rglob("*") if path.is_file()} == files


@pytest.mark.parametrize("data", [
    b"", b"P", b"PK\x03\x04", b"no zip at all", b"\x1f\x8b\x08" + bytes(100), bytes(1000),
    b"\x89HDF\r\n\x1a\n" + bytes(500), b"PK\x05\x06" + bytes(17)],
    ids=["empty", "byte", "magic", "text", "gzip", "zeros", "hdf5", "end-record"])
def test_not_a_zip(read: Any, data: bytes) -> None:
    """Other files are refused as what they are not."""
    assert refusal(read, data).startswith("The archive is not an intact zip file: ")


def test_empty_zip(read: Any) -> None:
    """An archive without members misses the first required one."""
    assert refusal(read, pack({})) == "The archive has no manifest.json."


def test_truncated(read: Any) -> None:
    """An upload cut short anywhere is refused."""
    data = archive()
    for length in range(len(data)):
        assert refusal(read, data[:length]).startswith("The archive is not an intact zip file: ")


@pytest.mark.parametrize("name", [
    "../labels.txt", "../../etc/cron.d/x", "saved_model/../../labels.txt",
    "saved_model/../labels.txt", "./labels.txt", "saved_model//saved_model.pb",
    "/labels.txt", "/etc/passwd", "//labels.txt", "C:/labels.txt",
    "saved_model\\saved_model.pb", "..\\labels.txt", "C:\\labels.txt",
    "labels.txt/", "labels.txt ", " labels.txt", "labels.txt\n", "LABELS.TXT", "Manifest.json",
    "saved_model/variables/variables.data-00000-of-00001\n", "saved_model/variables/x/../y",
    "golden/../labels.txt", "golden/a/b.jpg", "golden/.jpg\n", "ｌabels.txt",
    "saved_model/variables/variables.data-٠٠٠٠٠-of-٠٠٠٠١x"])
def test_foreign_names(read: Any, name: str) -> None:
    """Names that lead elsewhere, or only resemble the known ones, are refused as written."""
    assert refusal(read, with_member(name)) == (
        f"{name!r} does not belong into a model archive.")


@pytest.mark.parametrize("name", [
    "model.h5", "model.keras", "weights.hdf5", "saved_model/model.pkl", "model.pickle",
    "model.pt", "model.pth", "x.joblib", "saved_model/keras_metadata.py", "MODEL.H5",
    "../../model.keras", "golden/x.pkl"])
def test_files_that_run_code(read: Any, name: str) -> None:
    """Formats that execute code when loaded are refused with that reason."""
    detail = refusal(read, with_member(name))
    assert detail.startswith(f"{name!r} is refused: ")
    assert "SavedModel" in detail


@pytest.mark.parametrize("name", [
    "README.md", ".DS_Store", "__MACOSX/._labels.txt", "saved_model/assets/vocabulary.txt",
    "saved_model/assets.extra/x", "saved_model/keras_metadata.pb", "saved_model/saved_model.pbtxt",
    "saved_model/variables/checkpoint", "saved_model/variables/variables.data-0-of-1",
    "twin.tflite", "golden/cup.gif", "golden/cup.jpg.exe", "other/", "saved_model/assets/sub/",
    "golden/" + "x" * 101 + ".jpg"])
def test_unexpected_files(read: Any, name: str) -> None:
    """Nothing travels along that no model needs."""
    assert refusal(read, with_member(name)) == (
        f"{name!r} does not belong into a model archive.")


@pytest.mark.parametrize("name", ["labels.txt", "manifest.json", GRAPH])
def test_duplicates(read: Any, name: str) -> None:
    """Of two members of one name nobody knows which one counts."""
    assert refusal(read, with_member(name)) == f"The archive has {name!r} twice."


@pytest.mark.parametrize("kind", [
    stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK, stat.S_IFDIR])
def test_special_files(read: Any, kind: int) -> None:
    """Links, devices and the like are refused."""
    assert refusal(read, with_attributes(kind | 0o777)) == f"{GRAPH!r} is not a regular file."


@pytest.mark.parametrize("mode", [0, 0o644, stat.S_IFREG | 0o644, stat.S_IFREG | 0o4755])
def test_regular_files(read: Any, mode: int) -> None:
    """Whatever permissions a packer writes, a regular file is one."""
    assert read(with_attributes(mode)).manifest["version"] == "v1"


def test_encrypted(read: Any) -> None:
    """A member that needs a password is refused."""
    assert refusal(read, patched(archive(), 8, 6, "<H", 1)) == "'manifest.json' is encrypted."


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_rare_compression(read: Any, method: int) -> None:
    """Only the methods every packer writes are unpacked."""
    assert refusal(read, pack(members(), method)) == (
        "'manifest.json' is compressed by another method than deflate.")


@pytest.mark.parametrize("method", [1, 9, 93, 99, 65535])
def test_unknown_compression(read: Any, method: int) -> None:
    """A method number that nobody knows is refused, too."""
    assert "compressed by another method" in refusal(
        read, patched(archive(), 10, 8, "<H", method))


def test_name_that_is_no_text(read: Any) -> None:
    """A name that claims to be UTF-8 and is not makes a broken archive, not an error of ours."""
    data = bytearray(patched(archive(), 8, 6, "<H", 0x800))
    data[data.index(b"PK\x01\x02") + 46] = 0xFF
    assert refusal(read, bytes(data)).startswith("The archive is not an intact zip file: ")


def test_too_many_members(read: Any) -> None:
    """The number of members is limited, before they are looked at."""
    names = [(f"golden/{number}.jpg", b"x") for number in range(MAX_MEMBERS)]
    assert refusal(read, pack([*members().items(), *names])) == (
        f"The archive has more than {MAX_MEMBERS} files.")


def test_ratio_bomb(read: Any) -> None:
    """A member that unpacks to more than a hundred times its size is refused unread."""
    bomb = pack({**members(), GRAPH: bytes(1 << 20)})
    assert refusal(read, bomb, 1 << 30) == f"{GRAPH!r} is compressed more than 100 times."


def test_lie_about_the_size(read: Any) -> None:
    """A member that claims to be smaller than it is gets cut there and fails its checksum."""
    files = {"labels.txt": b"", **members()}
    files["labels.txt"] = bytes(random.Random(0).choices(b"abc\n", k=100_000))
    assert refusal(read, patched(pack(files), 24, 22, "<I", 100), 1 << 16).startswith(
        "The archive is not an intact zip file: ")


def test_unpacked_size(read: Any) -> None:
    """All members together are limited, to the byte."""
    files = members()
    total = sum(map(len, files.values()))
    assert read(pack(files), total).manifest["version"] == "v1"
    assert refusal(read, pack(files), total - 1) == (
        f"The archive unpacks to more than {total - 1} bytes.")


@pytest.mark.parametrize("name", ["manifest.json", "labels.txt", GRAPH])
def test_missing_files(read: Any, name: str) -> None:
    """What every model needs is asked for by name."""
    files = members()
    del files[name]
    assert refusal(read, pack(files)) == f"The archive has no {name}."


def test_manifest_is_checked(read: Any) -> None:
    """A manifest that breaks a rule is refused by the field."""
    assert refusal(read, archive(top_k=0)).startswith("manifest.json: $.top_k: ")


def test_huge_manifest(read: Any) -> None:
    """A manifest or labels beyond any sense are not even read."""
    for name, files in {
        "manifest.json": {**members(), "manifest.json": bytes(MAX_TEXT_BYTES + 1)},
        "labels.txt": members(bytes(MAX_TEXT_BYTES + 1)),
    }.items():
        huge = pack(files, zipfile.ZIP_STORED)
        assert refusal(read, huge, 1 << 30) == f"{name} has more than {MAX_TEXT_BYTES} bytes."


def test_file_that_is_not_listed(read: Any) -> None:
    """Every file has its digest in the manifest."""
    files = {**members(), "saved_model/fingerprint.pb": b"x"}
    assert refusal(read, pack(files)) == (
        "manifest.json: $.files and the archive differ about 'saved_model/fingerprint.pb'.")


def test_listed_file_that_is_not_there(read: Any) -> None:
    """Every file that is listed is there."""
    files = members()
    del files["saved_model/variables/variables.index"]
    assert refusal(read, pack(files)) == (
        "manifest.json: $.files and the archive differ about "
        "'saved_model/variables/variables.index'.")


def test_listed_manifest(read: Any) -> None:
    """The manifest cannot list itself."""
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in members().items()}
    assert refusal(read, archive(files=digests)) == (
        "manifest.json: $.files and the archive differ about 'manifest.json'.")


@pytest.mark.parametrize("name", ["labels.txt", GRAPH])
def test_wrong_digest(read: Any, name: str) -> None:
    """A file that was changed after the manifest was written is refused."""
    files = members()
    files[name] += b"\n"
    assert refusal(read, pack(files)) == f"manifest.json: $.files: {name} has another SHA-256."


@pytest.mark.parametrize("labels", [
    b"cat\ndog\nespresso\n", b"cat\ndog\nespresso", b"a\na\na\n", "Kaffee, groß\n寸法\n📷\n".encode(),
    b"x" * 255 + b"\ncrane, bird\n'quoted \"label\"'\n", b" padded \nb\nc\n"])
def test_good_labels(read: Any, labels: bytes) -> None:
    """Labels may repeat, be in any language, and end with or without a line break."""
    assert read(pack(members(labels))).labels == labels


@pytest.mark.parametrize(("labels", "reason"), [
    (b"cat\ndog\n", "labels.txt has 2 lines, but $.labels.count says 3."),
    (b"cat\ndog\nespresso\ntabby\n", "labels.txt has 4 lines, but $.labels.count says 3."),
    (b"cat\ndog\nespresso\n\n", "labels.txt has 4 lines, but $.labels.count says 3."),
    (b"", "labels.txt has 1 lines, but $.labels.count says 3."),
    (b"cat\xff\ndog\nespresso\n", "labels.txt is not UTF-8."),
    ("cat\ndog\nespresso\n".encode("utf-16"), "labels.txt is not UTF-8."),
    (b"cat\n\nespresso\n", "labels.txt, line 2: a label has 1 to 255 printable characters."),
    (b"cat\ndog\n   \n", "labels.txt, line 3: a label has 1 to 255 printable characters."),
    (b"cat\n" + b"x" * 256 + b"\ndog\n",
     "labels.txt, line 2: a label has 1 to 255 printable characters."),
    (b"cat\r\ndog\r\nespresso\r\n",
     "labels.txt, line 1: a label has 1 to 255 printable characters."),
    (b"\xef\xbb\xbfcat\ndog\nespresso\n",
     "labels.txt, line 1: a label has 1 to 255 printable characters."),
    (b"cat\nd\0g\nespresso\n", "labels.txt, line 2: a label has 1 to 255 printable characters."),
    (b"cat\ndog\tbig\nespresso\n",
     "labels.txt, line 2: a label has 1 to 255 printable characters."),
])
def test_bad_labels(read: Any, labels: bytes, reason: str) -> None:
    """There is one readable label for each class."""
    assert refusal(read, pack(members(labels))) == reason


def with_golden(file: str, label: str) -> bytes:
    """A good archive with one golden picture and what the manifest says of it."""
    picture = jpeg(8, 8)
    files = members(golden=[{"file": file, "label": label}])
    document = json.loads(files["manifest.json"])
    document["files"][GOLDEN] = hashlib.sha256(picture).hexdigest()
    return pack({**files, "manifest.json": json.dumps(document).encode(), GOLDEN: picture})


def test_golden_pictures(read: Any) -> None:
    """Pictures with the label they must get are part of the archive."""
    assert read(with_golden(GOLDEN, LABELS[0])).manifest["golden"] == [
        {"file": GOLDEN, "label": "cat"}]


@pytest.mark.parametrize(("file", "label", "reason"), [
    (GOLDEN, "mouse", "manifest.json: $.golden[0].label: 'mouse' is no label."),
    ("golden/other.jpg", "cat",
     "manifest.json: $.golden[0].file: 'golden/other.jpg' is not in $.files."),
    ("labels.txt", "cat", "manifest.json: $.golden[0].file: 'labels.txt' does not match")])
def test_bad_golden_pictures(read: Any, file: str, label: str, reason: str) -> None:
    """A golden picture is in the archive and has one of the labels."""
    assert refusal(read, with_golden(file, label)).startswith(reason)


@pytest.mark.parametrize("seed", range(4))
def test_random_damage(read: Any, tmp_path: Path, seed: int) -> None:
    """Whatever bytes are changed, the archive is refused, or what matters of it is intact."""
    chance = random.Random(seed)
    good, files = archive(), members()
    accepted = 0
    for _ in range(500):
        data = bytearray(good)
        for _ in range(chance.choice((1, 1, 1, 2, 8))):
            data[chance.randrange(len(data))] = chance.choice((0, 1, 0x7F, 0xFF,
                                                               chance.randrange(256)))
        try:
            found = read(bytes(data))
        except InvalidModel as error:
            assert re.match(r"The archive|manifest\.json|labels\.txt|'", str(error))
            continue
        accepted += 1
        unpack_archive(found, tmp_path / "unpacked")
        for name, content in files.items():
            assert (tmp_path / "unpacked" / name).read_bytes() == content
    assert accepted < 250


def test_random_damage_to_the_directory(read: Any) -> None:
    """The same where it hurts most: in the headers that zipfile trusts."""
    chance = random.Random(4)
    good = archive()
    with zipfile.ZipFile(io.BytesIO(good)) as opened:
        start = opened.start_dir
    refused = 0
    for _ in range(2000):
        data = bytearray(good)
        data[chance.randrange(start, len(data))] = chance.randrange(256)
        try:
            read(bytes(data))
        except InvalidModel:
            refused += 1
    assert refused > 1000
