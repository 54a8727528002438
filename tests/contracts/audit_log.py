"""The contract of AuditReader."""
from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from common.errors import DatabaseUnavailable
from model_admin.audit.repository import AuditReader, Filters, Row
from tests.fakes.audit_log import FIELDS, NOON, line

ADA = uuid.uuid4()
SECOND = timedelta(seconds=1)

Add = Callable[[Row], Row]


class AuditReaderContract:
    """Subclasses give `reader`, `add`, which writes a line, and `unreachable_reader`."""

    def test_fields(self, reader: AuditReader, add: Add) -> None:
        """A line is read as it was written, whatever is in it."""
        given = line(
            detail={"ä": [1.5, None, "寸法 %s :x"]}, subject="Größe 'x'", remote_address=None,
            request_id=None, actor=None, at=NOON + timedelta(microseconds=1))
        number = add(given)["audit_id"]
        (found,) = reader.page(Filters(), 10, None)
        assert tuple(found) == FIELDS
        assert found == {"audit_id": number, **given}

    def test_pages(self, reader: AuditReader, add: Add) -> None:
        """Pages of any size, one behind the other, are the whole log, the newest line first."""
        numbers = [add(line(at=NOON))["audit_id"] for _ in range(7)][::-1]
        for size in (1, 3, 7, 100):
            seen: list[int] = []
            while rows := reader.page(Filters(), size, seen[-1] if seen else None):
                seen += [row["audit_id"] for row in rows]
            assert seen == numbers
        assert reader.page(Filters(), 1, 10 ** 12 - 1)[0]["audit_id"] == numbers[0]

    @pytest.mark.parametrize(("filters", "chosen"), [
        ({}, "abcd"),
        ({"actor": ADA}, "ac"),
        ({"actor": uuid.uuid4()}, ""),
        ({"action": "model.activate"}, "a"),
        ({"action": "model."}, "ab"),
        ({"action": "model"}, ""),
        ({"action": "%"}, ""),
        ({"action": "."}, ""),
        ({"subject": "v1"}, "ac"),
        ({"subject": "V1"}, ""),
        ({"since": NOON + SECOND}, "bcd"),
        ({"until": NOON + SECOND}, "a"),
        ({"since": NOON + SECOND, "until": NOON + 3 * SECOND}, "bc"),
        ({"actor": ADA, "action": "image.", "subject": "v1"}, "c"),
    ])
    def test_filters(
        self, reader: AuditReader, add: Add, filters: dict[str, Any], chosen: str
    ) -> None:
        """Actor, action (or all that begin alike), subject and time narrow the log."""
        numbers = {
            name: add(line(at=NOON + SECOND * number, **columns))["audit_id"]
            for number, (name, columns) in enumerate({
                "a": {"actor": ADA},
                "b": {"action": "model.delete", "subject": "v2"},
                "c": {"actor": ADA, "action": "image.read"},
                "d": {"actor": None, "action": "login.refused", "subject": "GET /"},
            }.items())}
        found = reader.page(Filters(**filters), 10, None)
        assert [row["audit_id"] for row in found] == [numbers[name] for name in chosen[::-1]]

    def test_unreachable(self, unreachable_reader: AuditReader) -> None:
        """Without the database nothing is read."""
        with pytest.raises(DatabaseUnavailable):
            unreachable_reader.page(Filters(), 1, None)
