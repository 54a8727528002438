"""From a row of the outbox to a CloudEvent (version 1.0, in structured JSON)."""
from __future__ import annotations

from collections.abc import Mapping

from predict.outbox.repository import Delivery

SOURCE = "/imgclass/predict"


def as_cloud_event(
    delivery: Delivery, extensions: Mapping[str, str]
) -> tuple[dict[str, str], bytes]:
    """The headers and the body of the request that tells of an event.

    Its id is that of the event, so that whoever is told twice can know.
    """
    # Where nobody is told anything, the start of the function does not wait for these.
    from cloudevents.core.bindings.http import to_structured_event
    from cloudevents.core.v1.event import CloudEvent

    event = CloudEvent({
        "specversion": "1.0",
        "id": str(delivery.event_id),
        "source": SOURCE,
        "type": delivery.event_type,
        "subject": delivery.subject,
        "time": delivery.created_at,
        "datacontenttype": "application/json",
        **extensions,
    }, delivery.data)
    message = to_structured_event(event)
    return dict(message.headers), message.body
