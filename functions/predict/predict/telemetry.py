"""What predict measures beyond its requests."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from common.inference.model import Model
from common.tracing import span

# From a small picture on LiteRT to a large one on a busy machine.
_BUCKETS = (.002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5)
# What happens to a picture.
_STAGES = {
    "preprocess": "Decoding and resizing a picture.",
    "inference": "Running the model on a picture.",
    "store": "Writing a picture to the object store.",
    "record": "Writing a prediction to the database.",
}


class Telemetry:
    """The metrics of classification and of the model that answers."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._stages = {name: Histogram(
            f"imgclass_{name}_duration_seconds", what, buckets=_BUCKETS, registry=registry)
            for name, what in _STAGES.items()}
        self.predictions = Counter(
            "imgclass_predictions", "Predictions recorded.", ["model_version"],
            registry=registry)
        self.orphaned_objects = Counter(
            "imgclass_orphaned_objects", "Pictures stored without a row that could not be "
            "removed again.", registry=registry)
        self.model_load_seconds = Histogram(
            "imgclass_model_load_duration_seconds", "Fetching, loading and warming a model.",
            buckets=(.1, .2, .5, 1, 2, 5, 10, 30), registry=registry)
        self.model_load_failures = Counter(
            "imgclass_model_load_failures", "Attempts to load the active model that failed.",
            registry=registry)
        self.shadow_dropped = Counter(
            "imgclass_shadow_predictions_dropped", "Pictures the shadow model did not score.",
            registry=registry)
        self._model = Gauge(
            "imgclass_model_info", "The models loaded, by role.",
            ["role", "version", "digest", "engine"], registry=registry)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage, and show it in the trace of its request."""
        with span(name), self._stages[name].time():
            yield

    def serving(self, models: Mapping[str, Model]) -> None:
        """Name the models that are loaded from now on, by role."""
        self._model.clear()
        for role, model in models.items():
            self._model.labels(role, model.version, model.digest, model.engine.name).set(1)
