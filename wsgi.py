"""Entry for any WSGI server: `wsgi:app`."""

from portal import create_app

app = create_app()
