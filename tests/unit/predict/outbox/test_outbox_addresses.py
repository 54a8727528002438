"""Which addresses webhooks may be at."""
from __future__ import annotations

import ipaddress

import pytest

from predict.outbox.addresses import AddressGuard

PUBLIC = ["93.184.216.34", "1.1.1.1", "2606:4700:4700::1111", "::ffff:93.184.216.34"]
NOT_PUBLIC = {
    "this host": ["0.0.0.0", "127.0.0.1", "127.255.255.254", "::", "::1"],
    "private": ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fc00::1", "fd12::1"],
    "link-local": ["169.254.169.254", "fe80::1", "fe80::1%1", "fd00:ec2::254"],
    "carrier's": ["100.64.0.1", "100.100.100.200", "100.127.255.255"],
    "multicast and broadcast": ["224.0.0.1", "239.1.1.1", "255.255.255.255", "ff02::1"],
    "for protocols and documentation": [
        "192.0.0.192", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "240.0.0.1",
        "2001:db8::1", "3fff::1", "100::1"],
    "IPv4 in IPv6": [
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1",
        "::ffff:0:127.0.0.1"],
    "translated by NAT64": [
        "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b::808:808", "64:ff9b:1::a00:1"],
    "tunnelled by 6to4 or Teredo": ["2002:7f00:1::", "2002:a9fe:a9fe::1", "2001::a9fe:a9fe"],
    "deprecated or not given out": ["fec0::1", "4000::1", "5f00::1", "200::1"],
    "a cloud's own": ["168.63.129.16"],
}


@pytest.mark.parametrize("address", PUBLIC)
def test_public(address: str) -> None:
    """Hosts of the internet are admitted."""
    assert AddressGuard([]).admits(address)


@pytest.mark.parametrize("address", sum(NOT_PUBLIC.values(), []))
def test_not_public(address: str) -> None:
    """Everything else is refused, however it is written."""
    assert not AddressGuard([]).admits(address)


@pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3", "fd12::1", "64:ff9b::1.1.1.1"])
def test_allowed(address: str) -> None:
    """A network that the operator allows is admitted, and no other."""
    networks = [*map(ipaddress.ip_network, ("10.1.0.0/16", "fd12::/16", "64:ff9b::/96"))]
    assert AddressGuard(networks).admits(address)
    assert not AddressGuard(networks).admits("10.2.0.0")
    assert not AddressGuard(networks[:2]).admits("64:ff9b::1.1.1.1")
