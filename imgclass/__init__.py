"""imgclass: the Python client, the command line and the embedded stack."""

__version__ = "0.1.0"
