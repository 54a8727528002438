"""Two models side by side: `models compare`."""
from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer

from imgclass.cli import output
from imgclass.cli.connection import AsJson, Token, Url, connected
from imgclass.cli.filtering import Since, Until

if TYPE_CHECKING:
    from imgclass.results.comparisons import Comparison, Distribution
    from imgclass.results.figures import Bin


class Basis(str, Enum):
    """Which answers are compared."""

    SHADOW = "shadow"
    CANARY = "canary"
    BACKFILL = "backfill"
    ALL = "all"


def compare(
    old: Annotated[str, typer.Argument(metavar="OLD", help="The version to compare with.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The version in question.")],
    basis: Annotated[Basis, typer.Option(
        help="Answers of a shadow beside the live ones, of a backfill beside earlier ones, "
             "live ones only, or all.")] = Basis.ALL,
    since: Since = None,
    until: Until = None,
    changes: Annotated[int, typer.Option(
        min=1, max=50, help="Show this many of the most frequent changes of class.")] = 20,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Compare what two models answered: agreement, changes of class, confidence, latency."""
    with connected(url, token, admin=True) as client, output.spinner("comparing"):
        found = client.compare_models(old, new, basis.value, since, until, changes)
    if as_json:
        output.print_json(found)
        return
    typer.echo(_summary(found))
    if found.class_changes:
        typer.echo()
        with output.Rows(f"{old} says", f"{new} says", "pictures", numbers=("pictures",)) as rows:
            for change in found.class_changes:
                rows.add(change.old, change.new, str(change.pictures))
    typer.echo()
    with output.Rows("answers", old, new, numbers=(old, new)) as rows:
        for row in _rows(found.old, found.new):
            rows.add(*row)


def _summary(found: Comparison) -> str:
    if found.agreement_rate is None:
        return f"no picture was answered by both {found.old.version} and {found.new.version}"
    return (f"{found.old.version} and {found.new.version} have both answered {found.pictures} "
            f"pictures; they agree on {found.agreed} of them, {found.agreement_rate:.2%}")


def _rows(old: Distribution, new: Distribution) -> Iterator[tuple[str, str, str]]:
    yield "in all", str(old.answers), str(new.answers)
    for kind, count in old.by_kind.items():
        yield kind, str(count), str(new.by_kind[kind])
    yield "mean confidence", _confidence(old), _confidence(new)
    yield from _histogram("confidence", old.confidences, new.confidences)
    yield "p50, ms", _milliseconds(old.p50_ms), _milliseconds(new.p50_ms)
    yield "p95, ms", _milliseconds(old.p95_ms), _milliseconds(new.p95_ms)
    yield "p99, ms", _milliseconds(old.p99_ms), _milliseconds(new.p99_ms)
    yield from _histogram("ms", old.latencies_ms, new.latencies_ms)


def _histogram(
    name: str, old: tuple[Bin, ...], new: tuple[Bin, ...]
) -> Iterator[tuple[str, str, str]]:
    """Counts by bin, without those that are empty for both."""
    for before, now in zip(old, new, strict=True):
        if before.count or now.count:
            high = "" if before.high is None else f"{before.high:g}"
            yield f"{name} {before.low:g}–{high}", str(before.count), str(now.count)


def _confidence(distribution: Distribution) -> str:
    mean = distribution.mean_confidence
    return "-" if mean is None else output.confidence(mean)


def _milliseconds(value: int | None) -> str:
    return "-" if value is None else str(value)
