"""The tables, the verdicts and the plot of a run."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from bench.outcome import Verdict, verdict_lines
from bench.serving.tail import Tail
from bench.serving.throughput import Figures

SMALL, LARGE = "640x480", "12 MP"
BARE, ALONE, GATEWAY, BASELINE = (
    "bare loop", "predict alone", "predict through the gateway", "baseline")


@dataclass(frozen=True)
class Result:
    """A run: medians of its rounds, their spread, cold starts in seconds, memory in MB."""

    cores: int
    rounds: int
    figures: Sequence[Figures]
    spreads: Sequence[float]
    cold_predict: float
    cold_baseline: float
    memory_mb: dict[str, float]
    requests_before: int
    tail: Tail

    def best(self, system: str, picture: str) -> Figures:
        """The most pictures per second of any number of clients."""
        return max((each for each in self.figures
                    if (each.system, each.picture) == (system, picture)),
                   key=lambda each: each.per_second)

    def verdicts(self) -> Iterator[Verdict]:
        """Each target with its figure and whether it is met."""
        yield _most("cold start <= 0.6 s", self.cold_predict, 0.6, " s")
        yield _least("cold start against the baseline >= 10x",
                     self.cold_baseline / self.cold_predict, 10)
        yield _most(f"predict's memory after {self.requests_before} requests <= 180 MB",
                    self.memory_mb["predict"], 180, " MB")
        for picture, rate, cpu in ((SMALL, 1.8, 1.4), (LARGE, 3.0, 1.15)):
            alone, bare, baseline = (
                self.best(each, picture) for each in (ALONE, BARE, BASELINE))
            yield _least(f"{picture}: requests/s against the baseline >= {rate:g}x",
                         alone.per_second / baseline.per_second, rate)
            yield _least(f"{picture}: requests/s against the bare loop >= 0.75x",
                         alone.per_second / bare.per_second, 0.75)
            yield _most(f"{picture}: CPU of predict against the bare loop <= {cpu:g}x",
                        alone.cpu_ms["predict"] / bare.cpu_ms["loop"], cpu)
        yield _most("p99 of the accepted at twice the capacity / at 80 % of it <= 4x",
                    self.tail.overload_p99_ms / self.tail.p99_ms, 4)


def _least(target: str, value: float, least: float, unit: str = "x") -> Verdict:
    return Verdict(target, f"{value:.2f}{unit}", value >= least)


def _most(target: str, value: float, most: float, unit: str = "x") -> Verdict:
    return Verdict(target, f"{value:.2f}{unit}", value <= most)


def tables(result: Result) -> str:
    """All figures as Markdown."""
    lines = [f"{result.cores} cores, {result.rounds} rounds in turn, medians", "",
             "| system | picture | clients | requests/s | spread | p50 ms | p95 ms | p99 ms "
             "| errors | CPU-ms per request | client's |",
             "|---|---|--:|--:|--:|--:|--:|--:|--:|---|--:|"]
    for each, spread in zip(result.figures, result.spreads):
        cpu = ", ".join(f"{name} {value:.1f}" for name, value in each.cpu_ms.items()
                        if value >= 0.05)
        lines.append(
            f"| {each.system} | {each.picture} | {each.clients} | {each.per_second:.1f} "
            f"| {spread:.0%} | {each.p50_ms:.0f} | {each.p95_ms:.0f} | {each.p99_ms:.0f} "
            f"| {each.errors} | {cpu} | {each.client_cpu_ms:.1f} |")
    tail = result.tail
    lines += [
        "", f"Cold start: predict {result.cold_predict:.2f} s, baseline "
        f"{result.cold_baseline:.1f} s.",
        "Memory after load: " + ", ".join(
            f"{name} {value:.0f} MB" for name, value in result.memory_mb.items()) + ".",
        f"Overload: of twice the capacity ({2 * tail.capacity:.0f}/s) {tail.accepted} were "
        f"answered with a p99 of {tail.overload_p99_ms:.0f} ms, {tail.refused} refused, "
        f"{tail.failed} failed; the p99 at 80 % is {tail.p99_ms:.0f} ms.", ""]
    return "\n".join([*lines, *verdict_lines(result.verdicts())])


def plot(result: Result) -> str:
    """Requests per second at the best number of clients, as SVG."""
    systems, width, top = (BARE, ALONE, GATEWAY, BASELINE), 640, 30
    rows, height = [], top
    for picture in (SMALL, LARGE):
        rates = {system: result.best(system, picture).per_second for system in systems}
        rows.append(f'<text x="10" y="{height}" font-weight="bold">{picture}</text>')
        for system, rate in rates.items():
            height += 24
            length = 330 * rate / max(rates.values())
            rows.append(
                f'<text x="10" y="{height}">{escape(system)}</text>'
                f'<rect x="210" y="{height - 13}" width="{length:.0f}" height="16" '
                f'fill="{"#2f6fb0" if "predict" in system else "#9aa7b8"}"/>'
                f'<text x="{215 + length:.0f}" y="{height}">{rate:.1f}/s</text>')
        height += 40
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height - 10}" '
            'font-family="sans-serif" font-size="13">'
            f'<rect width="{width}" height="{height}" fill="white"/>{"".join(rows)}</svg>\n')
