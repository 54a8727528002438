"""Entry point of the function history: `gunicorn handler:app`."""
from history.app import create_app

app = create_app()
