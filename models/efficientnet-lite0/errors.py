"""The one exception of the model builder."""


class BuildError(Exception):
    """The model cannot be built; the message is one line that says what to do about it."""
