"""The models that answer follow the rollout, and disturb nobody when it changes."""
from __future__ import annotations

import queue
import threading
import time
import uuid
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry

from common.errors import DatabaseUnavailable, ModelUnavailable
from predict.models import Lineup, ModelHost, in_canary
from predict.rollout import Rollout
from predict.telemetry import Telemetry
from tests.fakes.models import FakeEngine, FakeLoader, fake_model
from tests.fakes.rollout import InMemoryRolloutRepository
from tests.records import model_row

USERS = [uuid.UUID(int=number) for number in range(5000)]


class House:
    """A ModelHost with all that it works with; its thread takes a step when told to."""

    def __init__(self) -> None:
        self.repository = InMemoryRolloutRepository()
        self.loader = FakeLoader()
        self.registry = CollectorRegistry()
        self.delays: queue.Queue[float] = queue.Queue()
        self._steps: queue.Queue[None] = queue.Queue()
        self.host = ModelHost(
            self.repository, self.loader, Telemetry(self.registry), self._wait,
            poll_seconds=2)

    def _wait(self, seconds: float) -> None:
        self.delays.put(seconds)
        self._steps.get()

    def step(self) -> float:
        """Let the thread look at the rollout once more: how long it means to wait then."""
        self._steps.put(None)
        return self.delays.get(timeout=10)

    def roll_out(self, **roles: str | int) -> None:
        """Make this the rollout; versions are given by name."""
        self.repository.current = Rollout(**{  # type: ignore[arg-type]
            role: model_row(value) if isinstance(value, str) else value
            for role, value in roles.items()})

    def roles(self) -> dict[str, str]:
        """The version in each role; nothing if no model answers."""
        try:
            lineup = self.host.lineup()
        except ModelUnavailable:
            return {}
        return {role: model.version for role, model in lineup.by_role().items()}

    def metric(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"imgclass_{name}", labels)

    def fail_to_load(self, error: Exception) -> None:
        """From now on no model can be loaded."""
        def fail(engine: FakeEngine) -> None:
            raise error

        self.loader.before = fail


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def following(house: House) -> Iterator[House]:
    """The same, with its thread running; it has looked at the rollout once."""
    house.host.start()
    house.delays.get(timeout=10)
    yield house


def test_before_anything_is_loaded(house: House) -> None:
    """Until the first look at the database nobody knows of a model."""
    for ask in (house.host.lineup, house.host.check):
        with pytest.raises(ModelUnavailable, match="not loaded yet"):
            ask()


def test_nothing_active(house: House) -> None:
    """Without an active model the reason is said; a shadow alone answers nobody."""
    for roles in ({}, {"shadow": "v1"}):
        house.roll_out(**roles)
        assert house.host.refresh()
        with pytest.raises(ModelUnavailable, match="No model is active"):
            house.host.check()


def test_active_model_is_loaded(house: House) -> None:
    """The active model answers, with all that lineage needs."""
    house.roll_out(active="v1")
    assert house.host.refresh()
    house.host.check()
    model, row = house.host.lineup().active, model_row("v1")
    assert (model.version, model.digest, model.twin_digest) == (
        "v1", row.digest, row.twin_digest)
    assert model.engine is house.loader.engines[0]


def test_every_role(house: House) -> None:
    """Canary and shadow are loaded beside the active model."""
    house.roll_out(active="v1", canary="v2", canary_percent=30, shadow="v3")
    assert house.host.refresh()
    assert house.roles() == {"active": "v1", "canary": "v2", "shadow": "v3"}
    assert house.host.lineup().canary_percent == 30


def test_loaded_once(house: House) -> None:
    """As long as the same models have roles, nothing is loaded again, whatever the roles."""
    house.roll_out(active="v1", canary="v2", canary_percent=10)
    house.host.refresh()
    house.host.refresh()
    house.roll_out(active="v2", shadow="v1")
    house.host.refresh()
    assert house.roles() == {"active": "v2", "shadow": "v1"}
    assert len(house.loader.engines) == 2


def test_swap(house: House) -> None:
    """Another active model takes over; who still holds the old one can go on with it."""
    house.roll_out(active="v1")
    house.host.refresh()
    old = house.host.lineup()
    house.roll_out(active="v2")
    house.host.refresh()
    assert house.roles() == {"active": "v2"}
    assert old.active.version == "v1"


def test_old_model_answers_while_the_new_one_loads(house: House) -> None:
    """Loading disturbs nobody."""
    house.roll_out(active="v1")
    house.host.refresh()
    seen = []
    house.loader.before = lambda engine: seen.append(house.roles())
    house.roll_out(active="v2")
    house.host.refresh()
    assert seen == [{"active": "v1"}]


def test_deactivated(house: House) -> None:
    """Once no model is active any more, none answers."""
    house.roll_out(active="v1")
    house.host.refresh()
    house.roll_out()
    assert house.host.refresh()
    assert house.roles() == {}


def test_withdrawn_roles(house: House) -> None:
    """A canary or shadow that was withdrawn is gone."""
    house.roll_out(active="v1", canary="v2", canary_percent=10, shadow="v3")
    house.host.refresh()
    house.roll_out(active="v1")
    house.host.refresh()
    assert house.roles() == {"active": "v1"}
    assert all(house.host.lineup().model_for(user).version == "v1" for user in USERS[:200])


def test_active_model_that_cannot_be_loaded(house: House) -> None:
    """The old one goes on serving, and the failure is counted, noted once, and reported."""
    house.roll_out(active="v1")
    house.host.refresh()
    house.fail_to_load(RuntimeError("/secret/path: corrupt"))
    house.roll_out(active="v2")
    for _ in range(3):
        assert not house.host.refresh()
    assert house.roles() == {"active": "v1"}
    assert house.metric("model_load_failures_total") == 3
    assert house.repository.failures == [("v2", "/secret/path: corrupt")]
    serving, problem = house.repository.reports[-1]
    assert serving["active"]["version"] == "v1"
    assert problem == "Model v2 cannot be loaded: see the log"


def test_first_model_that_cannot_be_loaded(house: House) -> None:
    """Without an old one the reason is there to be read, as far as it is meant to be."""
    house.roll_out(active="v1")
    house.fail_to_load(ModelUnavailable("Model v1 has no LiteRT twin; set ENGINE=auto."))
    assert not house.host.refresh()
    with pytest.raises(ModelUnavailable, match="no LiteRT twin"):
        house.host.lineup()
    house.fail_to_load(RuntimeError("/secret/path: corrupt"))
    assert not house.host.refresh()
    with pytest.raises(ModelUnavailable) as caught:
        house.host.lineup()
    assert "secret" not in str(caught.value)


def test_failing_model_is_noted_again_after_it_worked(house: House) -> None:
    """A failure after a success is news."""
    house.roll_out(active="v1")
    house.fail_to_load(RuntimeError("first"))
    house.host.refresh()
    house.loader.before = lambda engine: None
    house.host.refresh()
    assert house.roles() == {"active": "v1"}
    house.roll_out(active="v2")
    house.host.refresh()
    house.roll_out(active="v1")
    house.fail_to_load(RuntimeError("second"))
    house.host.refresh()
    assert house.repository.failures == [("v1", "first"), ("v1", "second")]


def test_canary_that_cannot_be_loaded(house: House) -> None:
    """A canary that fails to load takes no user from the active model."""
    house.roll_out(active="v1")
    house.host.refresh()
    house.fail_to_load(RuntimeError("corrupt"))
    house.roll_out(active="v1", canary="v2", canary_percent=50)
    assert not house.host.refresh()
    assert house.roles() == {"active": "v1"}


def test_database_down(house: House) -> None:
    """While nobody can say which models have roles, the last ones go on serving."""
    house.roll_out(active="v1", shadow="v3")
    house.host.refresh()
    house.repository.down = True
    with pytest.raises(DatabaseUnavailable):
        house.host.refresh()
    assert house.roles() == {"active": "v1", "shadow": "v3"}


def test_reports(house: House) -> None:
    """Every look ends with a report of what is served."""
    house.roll_out(active="v1", canary="v2", canary_percent=5)
    house.host.refresh()
    assert house.repository.reports == [({
        role: {"version": version, "digest": model_row(version).digest, "engine": "litert"}
        for role, version in (("active", "v1"), ("canary", "v2"))}, None)]


def test_metrics(house: House) -> None:
    """The models that answer are named, and every load is timed."""
    for version in ("v1", "v2"):
        house.roll_out(active=version)
        house.host.refresh()
    assert house.metric("model_load_duration_seconds_count") == 2
    assert house.metric("model_info", role="active", version="v2",
                        digest=model_row("v2").digest, engine="litert") == 1


def test_following(following: House) -> None:
    """A change is picked up without a restart, and looked for again and again."""
    for version in ("v1", "v2", "v1"):
        following.roll_out(active=version)
        assert following.step() == 2
        assert following.roles() == {"active": version}


def test_following_through_failures(following: House) -> None:
    """After failures it looks less and less often, but looks; then as often as before."""
    following.repository.down = True
    delays = [following.step() for _ in range(8)]
    assert delays[:3] == [4, 8, 16]
    assert delays[-2:] == [60, 60]
    following.repository.down = False
    following.fail_to_load(RuntimeError("corrupt"))
    following.roll_out(active="v1")
    assert following.step() == 60
    following.loader.before = lambda engine: None
    assert following.step() == 2
    assert following.roles() == {"active": "v1"}


def test_start_returns_at_once(house: House) -> None:
    """Whoever starts it does not wait for the first model."""
    loading, released = threading.Event(), threading.Event()

    def load(engine: FakeEngine) -> None:
        loading.set()
        released.wait(10)

    house.loader.before = load
    house.roll_out(active="v1")
    started = time.monotonic()
    house.host.start()
    assert time.monotonic() - started < 5
    assert loading.wait(10)
    assert house.roles() == {}
    released.set()
    house.delays.get(timeout=10)
    assert house.roles() == {"active": "v1"}


@pytest.mark.parametrize("percent", [0, 1, 10, 50, 100])
def test_share_of_the_canary(percent: int) -> None:
    """The canary answers about the share of users it is given."""
    inside = sum(in_canary("v2", user, percent) for user in USERS)
    assert abs(inside / len(USERS) - percent / 100) < 0.02
    if percent in (0, 100):
        assert inside == len(USERS) * percent / 100


def test_growing_share_keeps_its_users() -> None:
    """Who is in the canary stays in it while its share grows."""
    for user in USERS[:500]:
        seen = [in_canary("v2", user, percent) for percent in range(0, 101)]
        assert seen == sorted(seen)


def test_each_canary_draws_its_own_users() -> None:
    """The same people are not always the ones who try what is new."""
    first = {user for user in USERS if in_canary("v2", user, 20)}
    second = {user for user in USERS if in_canary("v3", user, 20)}
    assert 0.1 < len(first & second) / len(first) < 0.3


def test_model_for_a_user() -> None:
    """Users of the canary's share get the canary, the others the active model."""
    lineup = Lineup(fake_model(), canary=fake_model(version="v2"), canary_percent=30)
    for user in USERS[:200]:
        expected = "v2" if in_canary("v2", user, 30) else "v1"
        assert lineup.model_for(user).version == expected
    assert Lineup(fake_model()).model_for(USERS[0]).version == "v1"


def test_one_version_in_two_roles_is_loaded_once(house: House) -> None:
    """A canary that is the shadow as well is one model, so its own answers are not scored."""
    house.roll_out(active="v1", canary="v2", canary_percent=50, shadow="v2")
    house.host.refresh()
    lineup = house.host.lineup()
    assert lineup.shadow is lineup.canary is not None
