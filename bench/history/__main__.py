"""What the history costs as it grows, from a thousand to ten million predictions: `make
bench-history`.

Fills a database of each size, asks the history for pages, totals and single predictions of a user
with a thousand of them and of one with a tenth of all, in this process and through gunicorn, and
compares every total with a count of the rows.
"""
from __future__ import annotations

import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from bench.history.measuring import measure
from bench.history.report import plot, tables, verdicts
from bench.history.ways import Ways
from bench.outcome import RESULTS, keep
from bench.stacks import ROOT
from imgclass import settings
from imgclass.embedded import placement, postgres, secret_files
from imgclass.embedded.layout import Layout
from imgclass.embedded.ports import Ports
from imgclass.embedded.process import Processes

SIZES = (1_000, 100_000, 1_000_000, 10_000_000)


def main() -> int:
    sizes = [int(each) for each in sys.argv[1:]] or list(SIZES)
    with tempfile.TemporaryDirectory() as folder:
        layout = Layout(ROOT, Path(folder) / "var")
        layout.prepare()
        secret_files.ensure(layout.secrets)
        search_path = settings.load().search_path
        server = postgres.Postgres(
            layout, Processes(layout.run, layout.logs), Ports(layout.ports), search_path)
        try:
            server.start()
            results = measure(server, Ways(layout, server, search_path), sizes)
        finally:
            server.processes.stop([postgres.NAME])
            placement.remove(layout.postgres)
    print(tables(results))
    keep("history", {
        "results": [asdict(each) for each in results], "targets": verdicts(results)})
    (RESULTS / "history.svg").write_text(plot(results), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
