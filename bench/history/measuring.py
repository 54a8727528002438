"""The measurement: databases of each size, filled, and asked in turns."""
from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from bench.history.questions import GetAs, Questions, questions_of
from bench.history.rows import QUERIES, HistoryDatabase
from bench.history.ways import WAYS, Ways
from bench.outcome import percentile
from imgclass.embedded.postgres import Postgres

WARM_UP, ROUNDS, MOST_SECONDS = 5, 200, 60.0
USERS = ("a user with 1,000", "a user with a tenth of all")
SMALL, HEAVY = USERS


@dataclass
class Result:
    """Milliseconds, p50 and p95, by user, way and question, in a database of `total`."""

    total: int
    seconds: Mapping[str, float]
    bytes: Mapping[str, int]
    milliseconds: dict[str, dict[str, dict[str, tuple[float, float]]]] = field(
        default_factory=dict)
    wrong_totals: list[str] = field(default_factory=list)


@dataclass
class Asked:
    """A database that is asked by a history of its own."""

    database: HistoryDatabase
    result: Result
    get_as: GetAs


def measure(server: Postgres, ways: Ways, sizes: Sequence[int]) -> list[Result]:
    """Fill a database of each size, and ask all of them in turns."""
    databases = [HistoryDatabase(server, size) for size in sizes]
    results = [_filled(database) for database in databases]
    for way in WAYS:
        with ExitStack() as stack:
            asked = [Asked(database, result, stack.enter_context(ways.open(way, database.name)))
                     for database, result in zip(databases, results)]
            for number, user in enumerate(USERS):
                _ask(asked, way, number, user)
    return results


def _filled(database: HistoryDatabase) -> Result:
    print(f"bench-history: {database.total:,} predictions ...", file=sys.stderr)
    seconds = database.fill()
    with database.connection() as connection:
        return Result(database.total, seconds, next(QUERIES.sizes(connection)))


def _ask(asked: list[Asked], way: str, number: int, user: str) -> None:
    """All questions of all databases in turns, so that all meet the same noise."""
    pairs: list[tuple[Result, Questions]] = []
    for each in asked:
        questions, wrong = questions_of(each.database, number, each.get_as)
        each.result.wrong_totals += [f"{user}, {way}, {name}" for name in wrong]
        if questions:
            pairs.append((each.result, questions))
    taken: list[dict[str, list[float]]] = [{} for _ in pairs]
    ends = time.perf_counter() + MOST_SECONDS
    for turn in range(WARM_UP + ROUNDS):
        for (_, questions), times in zip(pairs, taken):
            for name, path in questions.paths().items():
                began = time.perf_counter()
                questions.get(path)
                if turn >= WARM_UP:
                    times.setdefault(name, []).append(1000 * (time.perf_counter() - began))
        if time.perf_counter() > ends:
            break
    for (result, _), times in zip(pairs, taken):
        result.milliseconds.setdefault(user, {})[way] = {
            name: (round(percentile(each, 0.5), 2), round(percentile(each, 0.95), 2))
            for name, each in times.items()}
