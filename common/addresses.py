"""Where a request comes from, seen from behind proxies."""
from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Union

from flask import Flask

from common.setting_values import Network

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]

# Whoever has one address of IPv6 has the whole network.
IPV6_PREFIX = 64


def install_client_address(app: Flask, trusted: Sequence[Network]) -> None:
    """Have `request.remote_addr` name the client and not one of the `trusted` proxies."""
    inner = app.wsgi_app

    def outer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        address = client_address(
            environ.get("REMOTE_ADDR", ""), environ.get("HTTP_X_FORWARDED_FOR", ""), trusted)
        if address is not None:
            environ["REMOTE_ADDR"] = str(address)
        return inner(environ, start_response)

    app.wsgi_app = outer  # type: ignore[method-assign]  # as Flask's documentation does


def client_address(
    peer: str, forwarded_for: str, trusted: Sequence[Network]
) -> Address | None:
    """The nearest address that is none of our proxies; None for a peer without one.

    `peer` is who is connected, `forwarded_for` the header X-Forwarded-For: each proxy appends
    whom it was asked by. The header is believed as far as `trusted` proxies have written it, so
    that nobody can pass for another address.
    """
    found = None
    for text in _nearest_first(peer, forwarded_for):
        address = _parse(text)
        if address is None:  # not what a proxy of ours would write
            break
        found = address
        if not any(address in network for network in trusted):
            break
    return found


def network_of(address: str) -> str:
    """What counts as one sender: an address of IPv4, a network of IPv6, anything else as it is."""
    if ":" not in address:
        return address
    return str(ipaddress.ip_network((address, IPV6_PREFIX), strict=False))


def _nearest_first(peer: str, forwarded_for: str) -> Iterator[str]:
    yield peer
    yield from reversed(forwarded_for.split(","))


def _parse(text: str) -> Address | None:
    """An address as proxies write it, some of them with its port."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address
