"""Where a request comes from, seen from behind proxies."""
from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from typing import Union

from common.config import Network

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]

# Whoever has one address of IPv6 has the whole network.
IPV6_PREFIX = 64


def client_address(
    peer: str | None, forwarded_for: Iterable[str], trusted: Sequence[Network]
) -> Address | None:
    """The nearest address that is none of our proxies; None for a peer without one.

    `peer` is who is connected, `forwarded_for` the values of X-Forwarded-For: each proxy appends
    whom it was asked by. A header is believed as far as `trusted` proxies have written it, so
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


def network_of(address: Address | None) -> str:
    """What is counted as one sender: an address of IPv4, a network of IPv6."""
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, IPV6_PREFIX), strict=False))
    return str(address)


def _nearest_first(peer: str | None, forwarded_for: Iterable[str]) -> Iterator[str]:
    yield peer or ""
    yield from reversed(",".join(forwarded_for).split(","))


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
