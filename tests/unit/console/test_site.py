"""The function console: the files of console/, and what a browser is told about them."""
from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient

from console_site.app import HEADERS, create_app
from tests.deployment_files import DEPLOY, ROOT

FOLDER = ROOT / "console"
FILES = sorted(path.relative_to(FOLDER).as_posix()
               for path in FOLDER.rglob("*") if path.is_file())
MOST_LINES = 300


@pytest.fixture
def client() -> FlaskClient:
    return create_app(FOLDER).test_client()


def test_index(client: FlaskClient) -> None:
    """The page is there with a slash, and without one the way to it."""
    assert client.get("/console/", buffered=True).data == (FOLDER / "index.html").read_bytes()
    answer = client.get("/console", buffered=True)
    assert (answer.status_code, answer.headers["Location"]) == (301, "/console/")


@pytest.mark.parametrize("name", FILES)
def test_files(client: FlaskClient, name: str) -> None:
    """Each file is served as what it is, is asked about anew, and is sent once."""
    answer = client.get(f"/console/{name}", buffered=True)
    assert answer.data == (FOLDER / name).read_bytes()
    assert answer.mimetype == {
        "html": "text/html", "css": "text/css", "js": "text/javascript",
        "svg": "image/svg+xml"}[name.rpartition(".")[2]]
    assert answer.headers["Cache-Control"] == "no-cache"
    assert HEADERS.items() <= dict(answer.headers).items()
    again = client.get(f"/console/{name}", headers={"If-None-Match": answer.headers["ETag"]},
                       buffered=True)
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize("path", [
    "/console/../handler.py", "/console/%2e%2e/handler.py", "/", "/x"])
def test_nothing_else(client: FlaskClient, path: str) -> None:
    """What is no file of the console does not exist, and says no more under the same headers."""
    answer = client.get(path, buffered=True)
    assert answer.status_code == 404
    assert HEADERS.items() <= dict(answer.headers).items()


@pytest.mark.parametrize("path", ["/health", "/_/health", "/_/ready"])
def test_health(client: FlaskClient, path: str) -> None:
    """A console that answers is ready."""
    assert client.get(path).json == {"status": "ok"}


def test_gateway_says_the_same() -> None:
    """The gateway, which serves the files by itself, protects them by the same headers."""
    text = (DEPLOY / "gateway" / "nginx.conf.template").read_text(encoding="utf-8")
    block = text.split("location ~ ^/console(/|$) {")[1].split("location ")[0]
    for name, value in HEADERS.items():
        assert re.search(rf'add_header {name} "?{re.escape(value)}"? always;', block)


@pytest.mark.parametrize("name", FILES)
def test_nothing_inline_or_from_elsewhere(name: str) -> None:
    """No file needs what its policy forbids, asks another origin, or is too long to read."""
    text = (FOLDER / name).read_text(encoding="utf-8")
    assert not re.search(r"\bstyle=|<style|<script(?![^>]*\bsrc=)|\son[a-z]+=\"", text)
    assert not re.search(r"innerHTML|insertAdjacentHTML|\beval\(|new Function", text)
    assert set(re.findall(r"https?://[^\"\s]+", text)) <= {"http://www.w3.org/2000/svg"}
    assert len(text.splitlines()) <= MOST_LINES


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".js")])
def test_imports_exist(name: str) -> None:
    """What a module imports is a file of the console, and exports what is asked of it."""
    path = FOLDER / name
    for names, source in re.findall(
            r"import \{([^}]+)\} from \"([^\"]+)\"", path.read_text(encoding="utf-8")):
        exported = (path.parent / source).read_text(encoding="utf-8")
        for each in names.split(","):
            if each.strip():
                assert re.search(
                    rf"export (const|class|(async )?function) {each.strip()}\b", exported), each
