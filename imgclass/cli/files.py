"""Pictures named on the command line: found, tried each by itself, and reported."""
from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from imgclass.cli import output
from imgclass.cli.exits import TOKEN_REFUSED, Exit
from imgclass.errors import ClientError, ProblemError, Unreachable
from imgclass.pictures import SUFFIXES

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

# Requests at once: enough to hide what lies between client and service, and to leave room there.
AT_ONCE = 4
# Beyond this a limit on requests is not waited for.
LONGEST_WAIT_SECONDS = 60.0
NEVER = threading.Event()

Files = Annotated[list[Path], typer.Argument(
    metavar="FILE", help="Pictures, or folders to search for .jpg, .jpeg, .png, .webp.")]


def chosen(files: list[Path]) -> list[Path]:
    """Each picture once; none at all ends the command."""
    pictures = list(dict.fromkeys(find_pictures(files)))
    if not pictures:
        output.fail("no picture there: looked for " + ", ".join(sorted(SUFFIXES)), Exit.USAGE)
    return pictures


def find_pictures(paths: list[Path]) -> Iterator[Path]:
    """The files as named, and in each folder all that are named like a picture, in order."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for folder, folders, names in os.walk(path, onerror=_cannot_list):
            folders.sort()
            for name in sorted(names):
                if os.path.splitext(name)[1].lower() in SUFFIXES:
                    yield Path(folder, name)


def _cannot_list(error: OSError) -> NoReturn:
    output.fail(f"{error.filename}: {error.strerror}")


@dataclass(frozen=True)
class Outcome:
    """What became of one file: what the service says of it, and as rows; or why it failed."""

    file: str
    said: DataclassInstance | None = None
    rows: Sequence[tuple[str, ...]] = ()
    reason: str = ""

    def document(self) -> dict[str, Any]:
        error = {"error": self.reason} if self.reason else {}
        return {"file": self.file, **error, **(asdict(self.said) if self.said else {})}


def attempt(
    file: Path, work: Callable[[Path], Outcome], ended: threading.Event = NEVER
) -> Outcome:
    """The outcome of `work`, or of its failure; a limit on requests is waited for until `ended`.

    Raises ClientError when the rest of the files would fail the same way.
    """
    try:
        return _within_limits(file, work, ended)
    except OSError as error:
        return Outcome(str(file), reason=error.strerror or str(error))
    except Unreachable:
        raise
    except ClientError as error:
        # No other picture would fare better.
        if isinstance(error, ProblemError) and error.status in TOKEN_REFUSED:
            raise
        return Outcome(str(file), reason=str(error))


def attempts(
    files: Sequence[Path], work: Callable[[Path], Outcome]
) -> Generator[Outcome, None, None]:
    """The outcome of each file, in their order; the first by itself, then AT_ONCE side by side.

    Raises what `attempt` does, after the outcomes of those that were under way meanwhile. Close
    it if it is not consumed to the end.
    """
    # What would fail for all of them is learnt from one.
    yield attempt(files[0], work)
    failure: ClientError | None = None
    pool, ended = ThreadPoolExecutor(AT_ONCE), threading.Event()
    try:
        pending = [pool.submit(attempt, file, work, ended) for file in files[1:]]
        for each in pending:
            try:
                yield each.result()
            except CancelledError:
                continue
            except ClientError as error:
                failure = failure or error
                pool.shutdown(wait=False, cancel_futures=True)
    finally:
        ended.set()
        pool.shutdown(cancel_futures=True)
    if failure:
        raise failure


def _within_limits(
    file: Path, work: Callable[[Path], Outcome], ended: threading.Event
) -> Outcome:
    while True:
        try:
            return work(file)
        except ProblemError as error:
            pause = error.retry_after or math.inf
            if error.status != HTTPStatus.TOO_MANY_REQUESTS or pause > LONGEST_WAIT_SECONDS:
                raise
            if ended.wait(pause):
                raise


class Report:
    """Shows outcomes as they come in, or all of them as JSON at the end."""

    def __init__(self, as_json: bool, rows: output.Rows) -> None:
        self.failures = 0
        self._documents: list[dict[str, Any]] | None = [] if as_json else None
        self._rows = rows

    def __enter__(self) -> Report:
        self._rows.__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        self._rows.__exit__(*raised)
        if self._documents is not None:
            output.print_json(self._documents)

    def add(self, outcome: Outcome) -> None:
        if outcome.reason:
            self.failures += 1
            output.complain(f"{outcome.file}: {outcome.reason}")
        if self._documents is not None:
            self._documents.append(outcome.document())
            return
        for row in outcome.rows:
            self._rows.add(outcome.file, *row)


def conclude(report: Report, total: int) -> None:
    """End the command with 1 if any file failed, and say how many did."""
    if report.failures:
        if total > 1:
            output.complain(f"{report.failures} of {total} pictures failed")
        raise typer.Exit(Exit.FAILED)
