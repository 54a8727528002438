"""What happens to those that are answered when twice as many come as can be."""
from __future__ import annotations

from dataclasses import dataclass

from bench.serving.clients import Volley
from bench.serving.systems import System
from bench.serving.throughput import latency_ms

# Enough clients that the rate does not depend on how soon the answers come.
CLIENTS, OVERLOAD_CLIENTS = 16, 160


@dataclass(frozen=True)
class Tail:
    """Latencies of the accepted, in milliseconds, at 80 % of capacity and at twice of it."""

    capacity: float
    p99_ms: float
    overload_p99_ms: float
    accepted: int
    refused: int
    failed: int


def measure_tail(system: System, data: bytes, capacity: float, seconds: float) -> Tail:
    """`capacity` is how many pictures a second the system can classify."""
    request = system.request(data)
    usual = Volley(request, CLIENTS, seconds, 0.8 * capacity).fire()
    overload = Volley(request, OVERLOAD_CLIENTS, seconds, 2 * capacity).fire()
    good = [each for each in usual.answers if each.status == 200]
    accepted = [each for each in overload.answers if each.status == 200]
    refused = sum(each.status in (429, 503) for each in overload.answers)
    return Tail(
        capacity, latency_ms(good, 0.99), latency_ms(accepted, 0.99), len(accepted), refused,
        len(overload.answers) - len(accepted) - refused)
