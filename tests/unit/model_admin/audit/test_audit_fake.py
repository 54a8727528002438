"""The audit log in memory keeps the contract of that in PostgreSQL."""
from __future__ import annotations

import pytest

from tests.contracts.audit_log import Add, AuditReaderContract
from tests.fakes.audit_log import InMemoryAuditReader


class TestInMemoryAuditReader(AuditReaderContract):
    """The fake."""

    @pytest.fixture
    def reader(self) -> InMemoryAuditReader:
        return InMemoryAuditReader()

    @pytest.fixture
    def add(self, reader: InMemoryAuditReader) -> Add:
        return reader.add

    @pytest.fixture
    def unreachable_reader(self) -> InMemoryAuditReader:
        fake = InMemoryAuditReader()
        fake.down = True
        return fake
