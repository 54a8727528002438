"""What the server and the application it serves agree on."""
from __future__ import annotations

# Answered to anybody, at once, however busy a function is.
PUBLIC_PATHS = frozenset({"/health", "/_/health", "/_/ready", "/metrics"})
# Keys of a request's environment: its Deadline, and the error with which it is turned away.
DEADLINE, REFUSAL = "imgclass.deadline", "imgclass.refusal"
