"""Checks that need the role admin: the model, what is told to the service, whom it tells."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

from imgclass.client import Client
from imgclass.doctor.findings import Finding, failed, ok, skipped, warning
from imgclass.errors import ClientError, ProblemError

# So many of the latest uploads tell whether notifications come.
LATEST = 20
BY_NOTIFICATION = "notification"


def check_administration(client: Client) -> Iterator[Finding]:
    """Each check; without the role they are skipped."""
    checks: tuple[tuple[str, Callable[[Client], Finding]], ...] = (
        ("model", _model), ("notification", _notification), ("uploads", _uploads),
        ("webhooks", _webhooks))
    for name, check in checks:
        try:
            yield check(client)
        except ProblemError as error:
            yield _no_answer(name, error)
        except ClientError as error:
            yield failed(name, str(error), "look into the logs of gateway and model-admin")


def _no_answer(name: str, error: ProblemError) -> Finding:
    if error.status == 403:
        return skipped(name, "it needs a token with the role admin")
    return failed(name, str(error), "look into the log of model-admin")


def _model(client: Client) -> Finding:
    models = client.models()
    for model in models:
        if model.is_active:
            return ok("model", f"{model.version} is active")
    if ready := [model.version for model in models if model.state == "ready"]:
        return failed("model", "no model is active", f"imgclass models activate {ready[-1]}")
    return failed("model", "there is no model", "imgclass models push DIR --activate")


def _notification(client: Client) -> Finding:
    """Whether the object store says what comes into the bucket: the sweep finds it late."""
    latest = [*islice(client.events(), LATEST)]
    missed = sum(each.announced_by != BY_NOTIFICATION for each in latest)
    if missed:
        return warning(
            "notification", f"of the latest {len(latest)} uploads the sweep has found {missed}, "
            "that no notification had told of",
            "set the bucket's notification and its token: docs/uploads.md, \"Other stores\"")
    if not latest:
        return skipped("notification", "nothing was put into the bucket so far")
    return ok("notification", f"the latest {len(latest)} uploads were told at once")


def _uploads(client: Client) -> Finding:
    found = client.completeness()
    if not found.adds_up:
        said = ", ".join(f"{count} {name}" for name, count in found.differences.items())
        return failed("uploads", f"the uploads do not add up: {said}",
                      "imgclass events completeness, and see docs/uploads.md")
    if found.dead:
        return warning("uploads", f"{found.dead} uploads were given up",
                       "imgclass events list --state dead; then imgclass events retry --all")
    waiting = found.pending + found.unannounced
    return ok("uploads", f"all {found.seen} uploads are accounted for, {waiting} wait")


def _webhooks(client: Client) -> Finding:
    webhooks = client.webhooks()
    for each in webhooks:
        if each.failures:
            return failed(
                "webhooks", f"{each.url} has failed {each.failures} times in a row: "
                f"{each.problem}", f"mend that receiver; imgclass webhooks show {each.webhook_id}")
        if each.dead:
            return warning(
                "webhooks", f"{each.dead} events were given up for {each.url}",
                f"imgclass webhooks retry {each.webhook_id}")
    if not webhooks:
        return skipped("webhooks", "there are none")
    return ok("webhooks", f"nothing is wrong with {len(webhooks)} webhooks")
