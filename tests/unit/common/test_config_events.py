"""The settings of events: where they go, and what Knative wants added to them."""
from __future__ import annotations

import ipaddress

import pytest

from common.config import Settings
from common.errors import ConfigurationError
from tests.environments import environment, settings


def test_nobody_is_told_by_default() -> None:
    """Without settings there is no sink, and no private address may be connected to."""
    defaults = settings()
    assert (defaults.k_sink, defaults.k_ce_overrides, defaults.webhook_networks) == ("", {}, ())
    assert defaults.webhook_max_attempts == 12


@pytest.mark.parametrize(("text", "extensions"), [
    ('{"extensions": {"region": "eu", "a1": ""}}', {"region": "eu", "a1": ""}),
    ('{"extensions": {}}', {}), ('{"extensions": null}', {}), ("{}", {}),
])
def test_overrides(text: str, extensions: dict[str, str]) -> None:
    """Extension attributes are read as a SinkBinding writes them."""
    assert settings(K_CE_OVERRIDES=text).k_ce_overrides == extensions


def test_networks() -> None:
    """Networks are a list, of either version of IP."""
    assert settings(WEBHOOK_NETWORKS="10.0.0.0/8, fd00::/8").webhook_networks == (
        ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8"))


@pytest.mark.parametrize(("name", "text"), [
    ("K_CE_OVERRIDES", "region=eu"), ("K_CE_OVERRIDES", "[]"), ("K_CE_OVERRIDES", "null"),
    ("K_CE_OVERRIDES", '{"extensions": ["region"]}'), ("K_CE_OVERRIDES", '{"extension": {}}'),
    ("K_CE_OVERRIDES", '{"extensions": {"region": 1}}'),
    ("K_CE_OVERRIDES", '{"extensions": {"Region": "eu"}}'),
    ("K_CE_OVERRIDES", '{"extensions": {"": "eu"}}'),
    ("K_CE_OVERRIDES", '{"extensions": {"region\\n": "eu"}}'),
    ("K_CE_OVERRIDES", '{"extensions": {"id": "1"}}'),
    ("K_CE_OVERRIDES", '{"extensions": {"data": "1"}}'),
    ("K_SINK", "sink.example"), ("K_SINK", "ftp://sink.example"), ("K_SINK", "http://"),
    ("K_SINK", "http://sink.example:70000"), ("K_SINK", "http://sink.example:0"),
    ("K_SINK", "http://[::1"), ("WEBHOOK_NETWORKS", "10.0.0.1/8"), ("WEBHOOK_NETWORKS", "home"),
    ("WEBHOOK_MAX_ATTEMPTS", "0"),
])
def test_malformed(name: str, text: str) -> None:
    """What cannot be meant stops the start with one line that names the setting."""
    with pytest.raises(ConfigurationError) as caught:
        Settings.load(environment(**{name: text}))
    assert str(caught.value).startswith(f"{name} must be ")
    assert "\n" not in str(caught.value)
