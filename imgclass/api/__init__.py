"""The parts of the Python client, one for each thing the service does."""
