"""Which addresses a webhook may be at: public ones, and those that the operator allows."""
from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Union

from common.setting_values import Network

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]

# All of IPv6 that IANA has given out for hosts of the internet. What is outside is private, or
# leads to an IPv4 address by translation (NAT64).
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
# Public by their numbers, or so older Pythons think.
_SPECIAL = tuple(map(ipaddress.ip_network, (
    "192.0.0.0/24",  # for protocols, and where a cloud keeps its metadata
    "168.63.129.16/32",  # the platform of virtual machines on Azure
    "2001::/23",  # for protocols; Teredo, which leads to an IPv4 address
    "2002::/16",  # 6to4, which does so as well
    "3fff::/20",  # for documentation
)))


class AddressGuard:
    """Tells addresses that may be connected to from those that are nobody else's business."""

    def __init__(self, allowed: Sequence[Network]) -> None:
        self._allowed = tuple(allowed)

    def admits(self, text: str) -> bool:
        """Whether a numeric address is public, or in one of the allowed networks."""
        address = _plain(ipaddress.ip_address(text))
        return any(address in network for network in self._allowed) or _is_public(address)


def _plain(address: Address) -> Address:
    """An IPv4 address written as IPv6 is the IPv4 address."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _is_public(address: Address) -> bool:
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    if any(address in network for network in _SPECIAL):
        return False
    return address.version == 4 or address in _GLOBAL_UNICAST
