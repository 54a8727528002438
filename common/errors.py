"""Domain exceptions. Each docstring says what happened; `common.problems` maps them to HTTP."""
from __future__ import annotations


class ImgclassError(Exception):
    """Something the system knows how to explain to its caller."""

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or (type(self).__doc__ or "").strip())


class ConfigurationError(ImgclassError):
    """A setting is missing or malformed."""


class InvalidRequest(ImgclassError):
    """A field is missing or the request cannot be parsed."""


class InvalidValue(ImgclassError):
    """A field is there, but its value is not acceptable."""


class Unauthenticated(ImgclassError):
    """The request carries no valid bearer token."""


class Forbidden(ImgclassError):
    """The caller is known, but may not do this."""


class NotFound(ImgclassError):
    """There is no such resource, or it belongs to somebody else."""


class Gone(ImgclassError):
    """There was such a resource, and it was erased."""


class Conflict(ImgclassError):
    """The request contradicts what is already stored."""


class KeyReused(Conflict):
    """The Idempotency-Key was sent before with another request."""


class InProgress(Conflict):
    """The same request is being answered at the moment; it will have an answer later."""


class ObjectChanged(Conflict):
    """The object is not the one expected: it was overwritten meanwhile."""


class LeaseLost(Conflict):
    """Somebody else has taken this work over or finished it."""


class PayloadTooLarge(ImgclassError):
    """The body, the picture or its number of frames exceeds the limit."""


class UnsupportedMedia(ImgclassError):
    """The bytes are not a picture in a supported format."""


class BrokenPicture(ImgclassError):
    """The bytes start like a picture, but cannot be decoded."""


class InvalidModel(ImgclassError):
    """The model archive, its manifest or its graph is not acceptable."""


class RequestTimeout(ImgclassError):
    """The request did not arrive in time."""


class TooManyRequests(ImgclassError):
    """The caller has sent more requests than it may; it may again in `retry_after` seconds."""

    def __init__(self, detail: str = "", retry_after: int = 1) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class Unavailable(ImgclassError):
    """A part this request needs does not answer at the moment; the same request may work later."""


class Overloaded(Unavailable):
    """The function has as much to do as it can; nothing of this request was done."""


class DeadlineExceeded(Unavailable):
    """The request has waited longer than it may; nothing of it was done."""


class DatabaseUnavailable(Unavailable):
    """The database does not answer."""


class CommitUnknown(DatabaseUnavailable):
    """The connection was lost during COMMIT: the transaction may or may not be stored."""


class StoreUnavailable(Unavailable):
    """The object store does not answer."""


class ModelUnavailable(Unavailable):
    """No model is loaded and warm."""
