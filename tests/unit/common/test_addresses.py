"""Whom a request is counted under, seen from behind proxies, honest ones and forgers."""
from __future__ import annotations

import ipaddress

import pytest
from flask import request

from common.addresses import client_address, network_of
from tests import tokens
from tests.probe import create_probe

TRUSTED = [ipaddress.ip_network(each) for each in ("10.0.0.0/8", "127.0.0.1/32", "fd00::/8")]


def seen(peer: str, forwarded_for: str = "") -> str:
    return str(client_address(peer, forwarded_for, TRUSTED))


def test_no_proxy() -> None:
    """Who is connected directly is the client, whatever it says of others."""
    assert seen("203.0.113.7") == "203.0.113.7"
    assert seen("203.0.113.7", "198.51.100.1") == "203.0.113.7"
    assert seen("203.0.113.7", "10.0.0.1, 10.0.0.2") == "203.0.113.7"


def test_nobody_is_trusted_unasked() -> None:
    """Without configured proxies the header means nothing."""
    assert str(client_address("127.0.0.1", "203.0.113.7", [])) == "127.0.0.1"


@pytest.mark.parametrize("forwarded_for", [
    "203.0.113.7",
    "203.0.113.7, 10.0.0.1",
    "203.0.113.7,10.0.0.1,fd00::1",
    "203.0.113.7, 10.0.0.1:80, 10.0.0.3",
    "198.51.100.1, 203.0.113.7, 10.0.0.1",  # what the client itself had sent comes first
    "203.0.113.7:51234",  # as OpenFaaS writes it
    " 203.0.113.7 ",
    "::ffff:203.0.113.7",
    "nonsense, 203.0.113.7",
])
def test_behind_proxies(forwarded_for: str) -> None:
    """Behind our proxies, however many, the client is the last address that is not theirs."""
    assert seen("10.1.2.3", forwarded_for) == "203.0.113.7"


@pytest.mark.parametrize("forwarded_for", ["2001:db8::7", "[2001:db8::7]:443", "[2001:db8::7]"])
def test_address_of_ipv6(forwarded_for: str) -> None:
    """Addresses of IPv6 are read with and without a port."""
    assert seen("127.0.0.1", forwarded_for) == "2001:db8::7"


@pytest.mark.parametrize("forwarded_for", [
    "", ",", "unknown", "203.0.113.7, unknown", "203.0.113.7, _hidden", "203.0.113.999",
    "10.0.0.1\0"])
def test_proxy_that_names_nobody(forwarded_for: str) -> None:
    """What no proxy of ours would write ends the search at the proxy it came from."""
    assert seen("10.1.2.3", forwarded_for) == "10.1.2.3"


def test_only_proxies() -> None:
    """A request of a proxy's own, such as a probe, is the farthest proxy's."""
    assert seen("10.1.2.3", "10.0.0.9, 10.0.0.1") == "10.0.0.9"


@pytest.mark.parametrize("peer", ["", "unix:", "/run/socket"])
def test_no_address(peer: str) -> None:
    """A peer without an address has none, whatever it says."""
    assert client_address(peer, "203.0.113.7", TRUSTED) is None


@pytest.mark.parametrize(("address", "network"), [
    ("203.0.113.7", "203.0.113.7"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"), ("", "")])
def test_network(address: str, network: str) -> None:
    """Whoever has one address of IPv6 has 2^64: they count as one."""
    assert network_of(address) == network


def test_address_of_a_request() -> None:
    """A request knows its client, behind a proxy that is trusted and without one."""
    app = create_probe()
    app.add_url_rule("/address", view_func=lambda: str(request.remote_addr))
    headers = {**tokens.bearer("user"), "X-Forwarded-For": "203.0.113.7"}
    for peer, address in (("127.0.0.1", "203.0.113.7"), ("198.51.100.1", "198.51.100.1"),
                          ("", "")):
        answer = app.test_client().get(
            "/address", headers=headers, environ_overrides={"REMOTE_ADDR": peer})
        assert answer.text == address
