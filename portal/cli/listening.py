"""The socket a command serves at, taken before anything slow begins."""

from __future__ import annotations

import errno
import socket

import click


def listen(host: str, port: int) -> socket.socket:
    """Take the port before anything else happens; 0 is a free one. Ends the command with one line if it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    door = socket.socket(family, socket.SOCK_STREAM)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        door.bind((host, port))
    except OSError as error:
        door.close()
        if error.errno != errno.EADDRINUSE:
            raise click.ClickException(f"{host}:{port} cannot be listened at: {error.strerror}.") from error
        raise click.ClickException(
            f"Port {port} is in use. Choose another one, such as --port {port % 65000 + 10}."
        ) from error
    return door


def origin(door: socket.socket) -> str:
    """The address to type into a browser on this machine."""
    host, port = door.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104 (compared, not bound)
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
