"""Why the stack cannot do what was asked."""
from __future__ import annotations


class StackError(Exception):
    """The message is one line for the person at the keyboard and says what to do."""
