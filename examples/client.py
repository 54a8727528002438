"""The Python client, step by step. `make up`, then: .venv/bin/python examples/client.py

On the stack of `make up` the program makes itself a token. For any other service, set IMGCLASS_URL
and IMGCLASS_TOKEN.
"""
from __future__ import annotations

import itertools
import sys
from pathlib import Path

from imgclass import Client, ClientError, Filters, ProblemError, settings
from imgclass.client import Prediction
from imgclass.tokens import development_token

PICTURES = Path(__file__).with_name("pictures")


def connect() -> Client:
    """A client for one service and one user, good for any number of requests and threads."""
    local = settings.load()
    # A service of yours gets its tokens from your identity provider instead.
    token = local.token or development_token(
        local.development_secret(), settings.DEVELOPMENT_EMAIL)
    # Seconds for connecting, and for each wait on the network.
    return Client(local.api_url, token, timeout=30)


def classify(client: Client) -> Prediction:
    """Send a picture. Whatever happens on the way, it is classified and stored once."""
    prediction = client.predict(PICTURES / "coffee.jpg", top_k=3)
    print(f"coffee.jpg: {prediction.predicted_class}, {prediction.confidence_score:.3f}, "
          f"by {prediction.model_version} in {prediction.prediction_time_ms} ms")
    for ranked in prediction.top_k:
        print(f"  {ranked.confidence_score:.3f} {ranked.predicted_class}")
    return prediction


def refuse(client: Client) -> None:
    """What the service refuses is an exception that has all that it said."""
    try:
        client.predict(b"this is no picture")
    except ProblemError as problem:
        print(f"refused: status {problem.status}, {problem.detail}")


def look_up(client: Client, prediction: Prediction) -> None:
    """How an answer came about, and the picture as it was sent."""
    lineage = client.prediction(prediction.prediction_id)
    print(f"lineage: model {lineage.model_version}, engine {lineage.engine}, "
          f"picture {lineage.image_sha256}")
    picture = client.image_content(prediction.image_id)
    print(f"picture: {len(picture)} bytes, as sent: "
          f"{picture == (PICTURES / 'coffee.jpg').read_bytes()}")


def browse(client: Client) -> None:
    """The history, newest first: an iterator fetches page after page while it is consumed."""
    sure = Filters(min_confidence=0.5)
    for stored in itertools.islice(client.history(sure), 5):
        print(f"history: {stored.created_at:%Y-%m-%d %H:%M:%S} {stored.predicted_class}")
    stats = client.stats()
    print(f"stats: {stats.total} predictions of {stats.classes} classes")


def correct(client: Client, prediction: Prediction) -> None:
    """Say what a picture really shows: later models learn from that."""
    try:
        said = client.give_feedback(
            prediction.prediction_id, prediction.predicted_class, "a cup, seen from above")
    except ProblemError as problem:
        # 404 from a service that is older than its feedback.
        if problem.status != 404:
            raise
        print("feedback: this service takes none")
    else:
        print(f"feedback: it is {said.label}")


def main() -> int:
    try:
        with connect() as client:
            prediction = classify(client)
            refuse(client)
            look_up(client, prediction)
            browse(client)
            correct(client, prediction)
    except (ClientError, settings.SettingsError) as error:
        # Every error of ours is one line for whoever reads it.
        print(f"client.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
