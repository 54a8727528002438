"""The Python client: one class, one method for each thing the service does."""
from __future__ import annotations

from imgclass.api.audit import Audit
from imgclass.api.backfills import Backfills
from imgclass.api.base import Picture
from imgclass.api.events import Events
from imgclass.api.exports import Exports
from imgclass.api.feedback import Feedbacks
from imgclass.api.insight import Insight
from imgclass.api.models import Models
from imgclass.api.pictures import Pictures
from imgclass.api.service import Service
from imgclass.api.uploads import Uploads
from imgclass.api.users import Users
from imgclass.api.webhooks import Webhooks
from imgclass.errors import (
    ClientError, ConnectionLost, InvalidToken, NoAnswer, ProblemError, StillPending,
    StillValidating, UnexpectedAnswer, Unreachable, UploadRefused)
from imgclass.filters import Filters
from imgclass.forms import FormSender
from imgclass.identity import user_id_of
from imgclass.results.audit import AuditLine
from imgclass.results.backfills import Backfill
from imgclass.results.comparisons import Comparison
from imgclass.results.drift import Drift
from imgclass.results.events import Completeness, Event, EventDetail
from imgclass.results.feedback import Feedback, UncertainPrediction
from imgclass.results.health import Health
from imgclass.results.images import Image
from imgclass.results.models import Model
from imgclass.results.predictions import (
    Lineage, Prediction, PredictionPage, RankedClass, StoredPrediction)
from imgclass.results.replays import Replay
from imgclass.results.replicas import Replica
from imgclass.results.stats import Stats
from imgclass.results.uploads import Upload, UploadForm
from imgclass.results.users import User
from imgclass.results.webhooks import Delivery, DeliveryPage, Webhook
from imgclass.selection import Selection
from imgclass.transport import Transport, parse_url

__all__ = [
    "AuditLine", "Backfill", "Client", "ClientError", "Comparison", "Completeness",
    "ConnectionLost", "Delivery", "DeliveryPage", "Drift", "Event", "EventDetail", "Feedback",
    "Filters", "Health", "Image", "InvalidToken", "Lineage", "Model", "NoAnswer", "Picture",
    "Prediction", "PredictionPage", "ProblemError", "RankedClass", "Replay", "Replica",
    "Selection", "Stats", "StillPending", "StillValidating", "StoredPrediction",
    "UncertainPrediction", "UnexpectedAnswer", "Unreachable", "Upload", "UploadForm",
    "UploadRefused", "User", "Webhook"]


class Client(
    Pictures, Uploads, Feedbacks, Exports, Insight, Users, Models, Backfills, Events, Webhooks,
    Audit, Service,
):
    """Talks to one service as one user; may be shared between threads.

    Close it, or use it as a context manager. Every method raises ProblemError when the
    service refuses, Unreachable or NoAnswer when it cannot be asked, and UnexpectedAnswer when
    something else answers; all are ClientError. Those of models, backfills, events, webhooks,
    datasets, drift and the audit log need the role admin.
    """

    def __init__(self, base_url: str, token: str, timeout: float = 30.0) -> None:
        """`timeout` is in seconds, for connecting and for each wait on the network.

        Raises InvalidToken, or ClientError when base_url is not an address.
        """
        self.user_id = user_id_of(token)
        self._transport = Transport(parse_url(base_url), token, timeout)
        self._forms = FormSender(timeout)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def close(self) -> None:
        self._transport.close()
        self._forms.close()
