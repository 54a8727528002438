"""The system of docker-compose.yml, in a clone and a project of its own."""
from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

from imgclass.client import Client
from imgclass.embedded.ports import free_port
from tests.containers.engine import BUILD_SECONDS, ROOT, docker, environment, inspected

UP_SECONDS = 600


class ComposeStack:
    """`url` is the gateway's address, `store` the object store's, as their clients see them."""

    def __init__(self, folder: Path, project: str) -> None:
        self.folder = folder
        self.project = project
        self._ports = {name: free_port() for name in ("gateway", "store", "prometheus")}
        self.url = f"http://127.0.0.1:{self._ports['gateway']}"
        self.store = f"http://127.0.0.1:{self._ports['store']}"
        self.prometheus = f"http://127.0.0.1:{self._ports['prometheus']}"
        self.environment = environment(
            COMPOSE_PROJECT_NAME=project, COMPOSE_PROGRESS="plain",
            API_PORT=str(self._ports["gateway"]),
            MINIO_PUBLISH=f"127.0.0.1:{self._ports['store']}",
            MINIO_PUBLIC_ENDPOINT=self.store,
            PROMETHEUS_PUBLISH=f"127.0.0.1:{self._ports['prometheus']}")
        self._tokens: dict[tuple[str, bool], str] = {}

    def clone(self) -> None:
        """Copy what git knows, or would take in: nothing that was built, installed or set."""
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT,
            text=True, capture_output=True, check=True).stdout
        for name in filter(None, listed.split("\0")):
            source, target = ROOT / name, self.folder / name
            if source.is_file():  # it may have been deleted since
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)

    def compose(self, *arguments: str, timeout: float = 120) -> str:
        """What `docker compose` prints."""
        return docker("compose", *arguments, timeout=timeout, folder=self.folder,
                      environ=self.environment)

    def build(self) -> None:
        """Build one image after the other: the machine may have other work to do."""
        services = json.loads(self.compose("config", "--format", "json"))["services"]
        builds = {json.dumps(service["build"], sort_keys=True): name
                  for name, service in services.items() if "build" in service}
        for name in builds.values():  # what services share is built once
            self.compose("build", name, timeout=BUILD_SECONDS)

    def up(self, *services: str, profile: str = "") -> None:
        """Return once it is up, or some of its services are."""
        try:
            self.compose(*(["--profile", profile] if profile else []), "up", "-d", "--wait",
                         *services, timeout=UP_SECONDS)
        except AssertionError as error:
            logs = self.compose("logs", "--no-color", "--tail", "20")
            raise AssertionError(f"{error}\n{logs[-6000:]}") from None

    def remove(self) -> None:
        """Take it down as docs/deploy/compose.md says. Raises AssertionError if a thing stays."""
        profiles = [word for name in ("scale", "monitoring") for word in ("--profile", name)]
        self.compose(*profiles, "down", "-v", "--rmi", "local", timeout=UP_SECONDS)
        assert self.remains() == {"container": [], "volume": [], "network": []}

    def remains(self) -> dict[str, list[str]]:
        """The names of all that belongs to it."""
        label = f"label=com.docker.compose.project={self.project}"
        return {kind: docker(kind, "ls", *more, "-q", "--filter", label).split()
                for kind, more in (("container", ["-a"]), ("volume", []), ("network", []))}

    def container(self, service: str) -> str:
        """The id of the one container of a service."""
        (found,) = self.compose("ps", "-a", "-q", service).split()
        return found

    def logs(self, service: str) -> str:
        """What a service has printed."""
        return self.compose("logs", "--no-color", "--no-log-prefix", service)

    def fetched(self, service: str, path: str) -> str:
        """What a function answers to a GET from within its container."""
        return self.compose(
            "exec", "-T", service, "python", "-c", "import sys, urllib.request as request; "
            "print(request.urlopen('http://127.0.0.1:8080' + sys.argv[1]).read().decode())", path)

    def token(self, email: str, admin: bool = False) -> str:
        """A bearer token, made as docs/deploy/compose.md says."""
        if (email, admin) not in self._tokens:
            self._tokens[email, admin] = self.compose(
                "exec", "-T", "cron", "python", "deploy/jobs/sign_token.py", email,
                *(["--admin"] if admin else [])).strip()
        return self._tokens[email, admin]

    def client(self, email: str, admin: bool = False) -> Client:
        """A client that talks to it through the gateway."""
        return Client(self.url, self.token(email, admin))

    def start_predict(self, name: str) -> str:
        """Start one more predict, with the settings and the limits of the service's own.

        Returns its address. It has no published port, before which Docker would put a proxy that
        takes connections for it; and it is not behind the gateway.
        """
        self.compose("run", "-d", "--no-deps", "--name", name, "predict")
        networks = inspected("container", name)["NetworkSettings"]["Networks"]
        address: str = networks[f"{self.project}_data"]["IPAddress"]
        return address
