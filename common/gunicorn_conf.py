"""How gunicorn serves a function: one process, so that a model is loaded once, many threads."""
from __future__ import annotations

import resource
import sys
from pathlib import Path

from common.allocator import give_back_freed_memory
from common.config import Settings
from common.errors import ConfigurationError
from common.gunicorn_worker import SPARE_THREADS, PatientWorker

give_back_freed_memory()
try:
    _settings = Settings.load()
except ConfigurationError as error:
    sys.exit(f"imgclass: {error}")

bind = f"{_settings.bind_host}:{_settings.port}"
workers = 1


class _Worker(PatientWorker):
    places = _settings.web_threads
    line = _settings.max_in_flight - _settings.web_threads
    timeout_seconds = _settings.request_timeout_seconds


worker_class = _Worker
threads = _settings.max_in_flight + SPARE_THREADS
# What connections leave of the files a process may have open goes to the database, the object
# store and the model: a server that cannot accept a connection ends.
_soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
_files = min(_hard, max(_soft, 8192))
resource.setrlimit(resource.RLIMIT_NOFILE, (_files, _hard))
worker_connections = min(4096, _files - 256)
# Longer than an edge keeps its idle connections, so that the edge is the one to close them.
keepalive = 75
# Less than the 30 s after which faasd, and Kubernetes unless told otherwise, kill a function.
graceful_timeout = 25
# The most that gunicorn allows: filters and cursors are long.
limit_request_line = 8190
# The heartbeat file must not wait for a disk.
_shared_memory = "/dev/shm"  # nosec B108  # gunicorn's file there has no name
worker_tmp_dir = _shared_memory if Path(_shared_memory).is_dir() else None
control_socket_disable = True
# No header may rewrite the path.
forwarder_headers = ""
logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "common.logs.json_formatter"}},
    "handlers": {
        "stdout": {
            "class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stdout"},
    },
    "loggers": {
        "gunicorn.error": {"level": "INFO", "handlers": ["stdout"], "propagate": False}},
    "root": {"level": "INFO", "handlers": ["stdout"]},
}
