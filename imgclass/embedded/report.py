"""Saying what is going on while the stack starts or stops."""
from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

Say = Callable[[str], None]


class Report:
    """Steps and how long they took, line by line; on a terminal the current one has a spinner.

    ASCII alone, for a terminal may know nothing else.
    """

    def __init__(self, print_line: Say = print, spinner: bool | None = None) -> None:
        self._print = print_line
        self._spinner = sys.stdout.isatty() if spinner is None else spinner

    @contextmanager
    def step(self, title: str, meanwhile: str = "") -> Iterator[Say]:
        """Report a step when it ends, with the notes that were said to the value it yields.

        `meanwhile` is shown while it takes its time.
        """
        notes: list[str] = []
        started = time.monotonic()
        with self._busy(title, meanwhile):
            yield notes.append
        seconds = time.monotonic() - started
        self._print(f"{title:<10} {', '.join(notes)}  ({seconds:.1f} s)")

    def _busy(self, title: str, meanwhile: str) -> AbstractContextManager[object]:
        if not self._spinner:
            if meanwhile:
                self._print(f"{title:<10} {meanwhile} ...")
            return nullcontext()
        from rich.console import Console
        return Console().status(f"{title:<10} {meanwhile or 'starting'} ...", spinner="line")


def silent() -> Report:
    """A report that says nothing."""
    return Report(lambda line: None, spinner=False)
