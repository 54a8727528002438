"""Entry point of the function console: `gunicorn handler:app`."""
from console_site.app import create_app

app = create_app()
