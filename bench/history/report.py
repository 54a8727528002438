"""What the figures say: tables, targets, and how the answers slow down."""
from __future__ import annotations

from bench.history import chart
from bench.history.measuring import HEAVY, SMALL, USERS, Result
from bench.history.rows import COUNTING, UNCERTAIN
from bench.history.ways import GUNICORN, WAYS
from bench.outcome import Verdict, verdict_lines

MAX_GROWTH, MAX_FIRST_PAGE_MS = 1.5, 10.0


def verdicts(results: list[Result]) -> list[Verdict]:
    """Each target with its figure and whether it is met."""
    first, last = results[0], results[-1]
    found = []
    for way in WAYS:
        before, after = first.milliseconds[SMALL][way], last.milliseconds[SMALL][way]
        name, growth = max(((name, after[name][1] / before[name][1]) for name in before),
                           key=lambda each: each[1])
        found.append(Verdict(
            f"{way}: p95 at {last.total:,} / at {first.total:,}, {SMALL}: <= {MAX_GROWTH}",
            f"{growth:.2f} ({name})", growth <= MAX_GROWTH))
        page = last.milliseconds[HEAVY][way]["first page"][1]
        found.append(Verdict(
            f"{way}: first page, {HEAVY}, p95 <= {MAX_FIRST_PAGE_MS:g} ms", f"{page:.1f} ms",
            page <= MAX_FIRST_PAGE_MS))
    wrong = [each for result in results for each in result.wrong_totals]
    return [*found, Verdict(
        "totals that are not the number of rows: 0", str(len(wrong)), not wrong)]


def tables(results: list[Result]) -> str:
    """The figures as Markdown tables."""
    lines = []
    for user in USERS:
        for way in WAYS:
            shown = [each for each in results if user in each.milliseconds]
            lines += [f"{user}, {way}: p50 / p95 in ms", "",
                      "| |" + "|".join(f" of {each.total:,} " for each in shown) + "|",
                      "|---|" + "--:|" * len(shown)]
            for name in shown[0].milliseconds[user][way]:
                cells = [each.milliseconds[user][way][name] for each in shown]
                lines.append(f"| {name} |" + "|".join(f" {a:.1f} / {b:.1f} " for a, b in cells)
                             + "|")
            lines.append("")
    lines += [*verdict_lines(verdicts(results)), "",
              "| predictions | copied s | indexed s | migration 0008 s | 0009 s "
              "| bytes a prediction, with its picture |", "|--:|--:|--:|--:|--:|--:|"]
    lines += [f"| {each.total:,} | " + " | ".join(
        f"{each.seconds[step]:.1f}" for step in ("rows", "indexes", COUNTING, UNCERTAIN))
        + f" | {sum(each.bytes.values()) / each.total:.0f} |" for each in results]
    return "\n".join(lines)


def plot(results: list[Result]) -> str:
    """How the p95 of each question grows with the history, as SVG."""
    lines = {name: [(each.total, each.milliseconds[SMALL][GUNICORN][name][1])
                    for each in results]
             for name in results[0].milliseconds[SMALL][GUNICORN]}
    return chart.draw(f"p95 through gunicorn, {SMALL} predictions, in ms", lines)
