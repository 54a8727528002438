"""What the history costs as it grows, from a thousand to ten million predictions: `make
bench-history`.

Fills a database of each size, asks the history for pages, totals and single predictions of a user
with a thousand of them and of one with a tenth of all, in this process and through gunicorn, and
compares every total with a count of the rows.
"""
from __future__ import annotations

import importlib
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import jwt

from bench import history_chart
from bench.history_rows import QUERIES, HistoryDatabase
from bench.outcome import RESULTS, Verdict, keep, percentile, verdict_lines
from imgclass import settings
from imgclass.embedded import http_probe, placement, secret_files
from imgclass.embedded.functions import HISTORY, common_environment
from imgclass.embedded.layout import Layout
from imgclass.embedded.ports import LOOPBACK, Ports
from imgclass.embedded.postgres import Postgres
from imgclass.embedded.process import Command, Processes
from imgclass.tokens import development_token

ROOT = Path(__file__).resolve().parents[1]
SIZES = (1_000, 100_000, 1_000_000, 10_000_000)
WARM_UP, ROUNDS, MOST_SECONDS = 5, 200, 60.0
FAR_PAGE = 500
USERS = ("a user with 1,000", "a user with a tenth of all")
SMALL, HEAVY = USERS
FILTERS: Mapping[str, dict[str, Any]] = {
    "class": {"predicted_class": "class 17"},
    "confidence": {"min_confidence": 0.9},
    "class_and_confidence": {"predicted_class": "class 17", "min_confidence": 0.9},
    "version": {"model_version": "v2"},
    "source": {"source": "bucket"},
    "period": {"from": "2025-03-01T00:00:00Z", "to": "2025-04-01T00:00:00Z"},
}
MAX_GROWTH, MAX_FIRST_PAGE_MS = 1.5, 10.0

Get = Callable[[str], Any]


@dataclass
class Result:
    """Milliseconds, p50 and p95, by user, way and question, in a database of `total`."""

    total: int
    seconds: Mapping[str, float]
    bytes: Mapping[str, int]
    milliseconds: dict[str, dict[str, dict[str, tuple[float, float]]]] = field(
        default_factory=dict)
    wrong_totals: list[str] = field(default_factory=list)


class Questions:
    """The paths that are asked for one user; single predictions and pages vary."""

    def __init__(self, get: Get, user_id: str, rows: list[Mapping[str, Any]], limit: int) -> None:
        before = get(_listing(user_id, page=FAR_PAGE - 1, limit=limit))
        self.get = get
        self._user_id, self._rows, self._limit = user_id, rows, limit
        self._cursor = before["next_cursor"]
        self._random = random.Random(0)  # nosec B311  # no secret

    def paths(self) -> dict[str, str]:
        """One path for each question."""
        row = self._random.choice(self._rows)
        far = _listing(self._user_id, cursor=self._cursor, limit=self._limit)
        return {
            "first page": _listing(self._user_id),
            f"page {FAR_PAGE}, by cursor": far,
            **{_named(name): _listing(self._user_id, **filters)
               for name, filters in FILTERS.items()},
            "what is stored of the user": "/api/v1/users/me",
            "one prediction": f"/api/v1/predictions/{row['prediction_id']}",
            "one picture": f"/api/v1/images/{row['image_id']}",
        }


def _named(filter_name: str) -> str:
    return f"by {filter_name.replace('_', ' ')}"


def _listing(user_id: str, **parameters: Any) -> str:
    return "/api/v1/predictions?" + urlencode({"user_id": user_id, **parameters})


class Bench:
    """The measurement on one server, with the functions' own settings."""

    def __init__(self, layout: Layout, server: Postgres, search_path: str) -> None:
        self._layout, self._server, self._search_path = layout, server, search_path
        self._secret = secret_files.read(layout.secrets, "jwt-secret")

    def measure(self, sizes: Sequence[int]) -> list[Result]:
        """Fill a database of each size, ask all of them in turns, and drop them."""
        databases = [HistoryDatabase(self._server, size) for size in sizes]
        results = []
        for database in databases:
            print(f"bench-history: {database.total:,} predictions ...", file=sys.stderr)
            seconds = database.fill()
            with database.connection() as connection:
                results.append(Result(database.total, seconds, next(QUERIES.sizes(connection))))
        for way, asking in (("in process", self._in_process), ("gunicorn", self._served)):
            with ExitStack() as stack:
                asked = [Asked(database, result,
                               stack.enter_context(asking(self._environment(database))))
                         for database, result in zip(databases, results)]
                for number, user in enumerate(USERS):
                    _ask(asked, way, number, user)
        return results

    def _environment(self, database: HistoryDatabase) -> dict[str, str]:
        return common_environment(self._layout, self._search_path, {
            **self._server.settings(), "POSTGRES_DB": database.name, "LOG_LEVEL": "WARNING",
            "MINIO_ENDPOINT": f"{LOOPBACK}:1", "MINIO_BUCKET_NAME": "images",
            "RATE_LIMIT_READ": "off"})

    @contextmanager
    def _in_process(self, environment: Mapping[str, str]) -> Iterator[Callable[[str], Get]]:
        """The function's own application, called without a socket."""
        sys.path.insert(0, str(ROOT / "functions" / HISTORY))
        from common.config import Settings
        app = importlib.import_module("history.app").create_app(Settings.load(environment))
        client = app.test_client()

        def get_as(user_id: str) -> Get:
            headers = self._headers(user_id)

            def get(path: str) -> Any:
                answer = client.get(path, headers=headers)
                assert answer.status_code == 200, answer.text  # nosec B101  # a measurement
                return answer.json
            return get
        yield get_as

    @contextmanager
    def _served(self, environment: Mapping[str, str]) -> Iterator[Callable[[str], Get]]:
        """gunicorn as in production, asked on a kept connection."""
        folder = ROOT / "functions" / HISTORY
        processes, name = self._server.processes, f"{HISTORY}-{environment['POSTGRES_DB']}"
        port = Ports(self._layout.ports).settle(False, name)
        processes.ensure(
            Command(
                name, (sys.executable, "-m", "gunicorn", "-c", "python:common.gunicorn_conf",
                       "handler:app"),
                {**environment, "PYTHONPATH": f"{folder}:{ROOT}", "PORT": str(port)}, folder),
            lambda: http_probe.status(LOOPBACK, port, "/_/health") == 200, 60)
        try:
            with httpx.Client(base_url=f"http://{LOOPBACK}:{port}", trust_env=False,
                              timeout=60) as client:
                def get_as(user_id: str) -> Get:
                    headers = self._headers(user_id)
                    return lambda path: client.get(
                        path, headers=headers).raise_for_status().json()
                yield get_as
        finally:
            processes.stop([name])

    def _headers(self, user_id: str) -> dict[str, str]:
        claims = jwt.decode(development_token(self._secret, "bench@example.org"),
                            options={"verify_signature": False})
        token = jwt.encode({**claims, "sub": user_id}, self._secret, algorithm="HS256")
        return {"Authorization": f"Bearer {token}"}


@dataclass
class Asked:
    """A database that is asked by a history of its own."""

    database: HistoryDatabase
    result: Result
    get_as: Callable[[str], Get]

    def questions(self, number: int, user: str, way: str) -> Questions | None:
        """What to ask for a user, once the totals are checked; None without enough rows."""
        with self.database.connection() as connection:
            user_id = QUERIES.id_of(connection, number=number)
            rows = list(QUERIES.some_of(connection, user_id=user_id))
            truth = QUERIES.count_of(
                connection, user_id=user_id, predicted_class="class 17", min_confidence=0.9,
                model_version="v2", source="bucket", since="2025-03-01T00:00Z",
                until="2025-04-01T00:00Z")
        if truth["everything"] < 2 * FAR_PAGE:
            return None
        get = self.get_as(user_id)
        self.result.wrong_totals += [
            f"{user}, {way}, {name}" for name in _wrong(get, user_id, truth)]
        limit = 20 if truth["everything"] >= 20 * FAR_PAGE else 2
        return Questions(get, user_id, rows, limit)


def _ask(asked: list[Asked], way: str, number: int, user: str) -> None:
    """All questions of all databases in turns, so that all meet the same noise."""
    pairs = [(each.result, questions) for each in asked
             if (questions := each.questions(number, user, way))]
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


def _wrong(get: Get, user_id: str, truth: Mapping[str, int]) -> list[str]:
    """The filters whose total is not the number of rows."""
    filters: Mapping[str, dict[str, Any]] = {"everything": {}, **FILTERS}
    return [name for name, each in filters.items()
            if get(_listing(user_id, limit=1, **each))["total"] != truth[name]]


def verdicts(results: list[Result]) -> list[Verdict]:
    """Each target with its figure and whether it is met."""
    first, last = results[0], results[-1]
    found = []
    for way in ("in process", "gunicorn"):
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


def table(results: list[Result]) -> str:
    """The figures as Markdown tables."""
    lines = []
    for user in USERS:
        for way in ("in process", "gunicorn"):
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
              "| predictions | copied s | indexed s | migrated s | bytes a prediction, "
              "with its picture |", "|--:|--:|--:|--:|--:|"]
    lines += [f"| {each.total:,} | {each.seconds['rows']:.1f} | {each.seconds['indexes']:.1f} | "
              f"{each.seconds['migration']:.1f} | {sum(each.bytes.values()) / each.total:.0f} |"
              for each in results]
    return "\n".join(lines)


def main() -> int:
    sizes = [int(each) for each in sys.argv[1:]] or list(SIZES)
    with tempfile.TemporaryDirectory() as folder:
        layout = Layout(ROOT, Path(folder) / "var")
        layout.prepare()
        secret_files.ensure(layout.secrets)
        search_path = settings.load().search_path
        server = Postgres(layout, Processes(layout.run, layout.logs), Ports(layout.ports),
                          search_path)
        try:
            server.start()
            results = Bench(layout, server, search_path).measure(sizes)
        finally:
            server.processes.stop(["postgres"])
            placement.remove(layout.postgres)
    print(table(results))
    keep("history", {
        "results": [asdict(each) for each in results], "targets": verdicts(results)})
    lines = {name: [(each.total, each.milliseconds[SMALL]["gunicorn"][name][1])
                    for each in results]
             for name in results[0].milliseconds[SMALL]["gunicorn"]}
    (RESULTS / "history.svg").write_text(
        history_chart.draw(f"p95 through gunicorn, {SMALL} predictions, in ms", lines),
        encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
