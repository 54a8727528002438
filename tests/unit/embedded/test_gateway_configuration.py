"""The gateway's configuration, before nginx reads it."""
from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from imgclass.embedded.errors import StackError
from imgclass.embedded.gateway import TEMPLATE, check_address, render

ROOT = Path(__file__).resolve().parents[3]
VALUES = {
    "USER_DIRECTIVE": "", "PID_FILE": "run/nginx.pid", "TEMP_FOLDER": "tmp/gateway",
    "ACCESS_LOG": "logs/gateway-access.log", "LISTEN": "127.0.0.1:8000",
    "PREDICT": "127.0.0.1:1", "HISTORY": "127.0.0.1:2", "MODEL_ADMIN": "127.0.0.1:3",
    "FUNCTION_PATH": "", "SITE_FOLDER": "run/site",
    "MAX_BODY_BYTES": "10", "MAX_BATCH_BYTES": "15", "MAX_MODEL_BYTES": "20",
}


def template() -> str:
    return (ROOT / TEMPLATE).read_text(encoding="utf-8")


def test_only_capitals_are_filled_in() -> None:
    """nginx's own variables stay as they are."""
    assert render("listen ${LISTEN}; $host ${host} $LISTEN", VALUES) == (
        "listen 127.0.0.1:8000; $host ${host} $LISTEN")


def test_unknown_placeholder_is_an_error() -> None:
    """A placeholder nobody fills in does not reach nginx."""
    with pytest.raises(KeyError):
        render("${UNKNOWN}", VALUES)


def test_template_uses_every_value() -> None:
    """The template and the program agree on the placeholders."""
    assert set(re.findall(r"\$\{([A-Z_]+)\}", template())) == set(VALUES)
    assert "${" not in render(template(), VALUES)


def test_configuration_names_no_absolute_path() -> None:
    """All paths are relative, so that no character in the checkout's path needs quoting."""
    rendered = render(template(), VALUES)
    files = re.findall(r"^\s*(?:pid|access_log|\w+_temp_path) (\S+?);?(?: |$)", rendered,
                       re.MULTILINE)
    assert len(files) == 7
    assert not any(path.startswith("/") for path in files)


@pytest.mark.parametrize(("host", "port", "message"), [
    # TEST-NET-1 (RFC 5737) is nobody's address
    ("192.0.2.1", 8000, "API_HOST: this machine cannot listen on 192.0.2.1"),
    ("no.such.host.invalid", 8000, "API_HOST: this machine cannot listen on no.such"),
    pytest.param("127.0.0.1", 80, "port 80 needs privileges: .*API_PORT=8000", marks=(
        pytest.mark.skipif(os.geteuid() == 0, reason="root may listen anywhere"))),
])
def test_unusable_address_is_one_line(host: str, port: int, message: str) -> None:
    """An address nobody can listen on is refused before anything is started."""
    with pytest.raises(StackError, match=message):
        check_address(host, port)
