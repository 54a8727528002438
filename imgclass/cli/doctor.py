"""Finding out what is wrong: `doctor`."""
from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from imgclass import settings
from imgclass.cli import output
from imgclass.cli.connection import AsJson, Token, Url, credentials, is_here
from imgclass.cli.exits import Exit
from imgclass.errors import ClientError

if TYPE_CHECKING:
    from imgclass.doctor.findings import Finding

STYLES = {"ok": "green", "warning": "yellow", "failed": "red", "skipped": "dim"}


def doctor(as_json: AsJson = False, url: Url = None, token: Token = None) -> None:
    """Find out what is wrong, and say how to mend it.

    Checks address, clocks, token, model, notifications, webhooks and, where the stack of `make up`
    is on this machine, its processes, ports, credentials and disk. Exits with 1 if any fails.
    """
    try:
        local = settings.load()
    except settings.SettingsError as error:
        output.fail(str(error))
    with output.spinner("checking"):
        findings = [*_check(local, url or local.api_url, token)]
    if as_json:
        output.print_json(findings)
    else:
        _show(findings)
    if any(each.state == "failed" for each in findings):
        raise typer.Exit(Exit.FAILED)


def _check(local: settings.Settings, url: str, token: str | None) -> Iterator[Finding]:
    from imgclass.doctor import service

    yield (address := service.check_address(url))
    try:
        here = is_here(local, url)
    except ClientError:  # it is no address
        return
    if here:
        yield from _check_machine(local)
    if address.state == "ok":
        yield from _check_service(local, url, token)


def _check_machine(local: settings.Settings) -> Iterator[Finding]:
    from imgclass.doctor.findings import failed
    from imgclass.doctor.machine import check_machine
    from imgclass.embedded.errors import StackError
    from imgclass.embedded.report import silent
    from imgclass.embedded.stack import Stack

    try:
        yield from check_machine(Stack.of(local, silent()))
    except StackError as error:
        yield failed("stack", str(error), "make down, then make up")


def _check_service(local: settings.Settings, url: str, token: str | None) -> Iterator[Finding]:
    from imgclass.client import Client
    from imgclass.doctor import administration, service
    from imgclass.doctor.findings import failed

    try:
        token = credentials(local, url, token, admin=True)
        with Client(url, token) as client:
            yield from service.check_health(client)
            yield service.check_token(token)
            yield (access := service.check_access(client))
            if access.state == "ok":
                yield from administration.check_administration(client)
    except ClientError as error:
        yield failed("token", str(error), service.MEND_IDENTITY)


def _show(findings: list[Finding]) -> None:
    with output.Rows("check", "state", "found", "to mend it") as rows:
        for each in findings:
            rows.add(each.check, each.state.value, each.said, each.mend,
                     style=STYLES[each.state])
