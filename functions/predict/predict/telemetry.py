"""What predict measures beyond its requests."""
from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from common.inference.model import Model

# From a small picture on LiteRT to a large one on a busy machine.
_BUCKETS = (.002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5)


class Telemetry:
    """The metrics of classification and of the model that answers."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.preprocess_seconds = Histogram(
            "imgclass_preprocess_duration_seconds", "Decoding and resizing a picture.",
            buckets=_BUCKETS, registry=registry)
        self.inference_seconds = Histogram(
            "imgclass_inference_duration_seconds", "Running the model on a picture.",
            buckets=_BUCKETS, registry=registry)
        self.store_seconds = Histogram(
            "imgclass_store_duration_seconds", "Writing a picture to the object store.",
            buckets=_BUCKETS, registry=registry)
        self.record_seconds = Histogram(
            "imgclass_record_duration_seconds", "Writing a prediction to the database.",
            buckets=_BUCKETS, registry=registry)
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

    def serving(self, models: Mapping[str, Model]) -> None:
        """Name the models that are loaded from now on, by role."""
        self._model.clear()
        for role, model in models.items():
            self._model.labels(role, model.version, model.digest, model.engine.name).set(1)
