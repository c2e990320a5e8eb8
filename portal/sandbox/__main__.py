"""`python -m portal.sandbox`: run the sandbox until it is told to stop."""

import argparse
import contextlib
import json
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from portal.sandbox import create_sandbox
from portal.sandbox.server import Server


def main() -> int:
    """Serve, print one JSON line with the address, and stop on SIGTERM or SIGINT."""
    given = _arguments()
    given.data.parent.mkdir(parents=True, exist_ok=True)
    server = Server(
        lambda url: create_sandbox(
            given.data,
            given.public_url or url,
            portal_origins=given.portal_origin,
            default_configuration=not given.without_portal_settings,
        ),
        given.host,
        given.port,
    )

    def leave(signum: int, frame: FrameType | None) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, leave)
    sys.stdout.write(json.dumps({"url": given.public_url or server.url}) + "\n")
    sys.stdout.flush()
    courier = server.app.extensions["courier"]
    courier.start()
    if given.until_stdin_closes:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    with contextlib.suppress(KeyboardInterrupt):
        server.run()
    courier.stop()
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m portal.sandbox", description="A stand-in for Stripe.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--data", type=Path, required=True, help="SQLite file, made if missing")
    parser.add_argument("--public-url", help="origin that browsers see, if another than host and port")
    parser.add_argument("--portal-origin", action="append", default=[], help="site that hosted pages lead back to")
    parser.add_argument(
        "--without-portal-settings", action="store_true", help="accounts start without a saved portal configuration"
    )
    parser.add_argument(
        "--until-stdin-closes", action="store_true", help="end with the process that started it, however that ends"
    )
    return parser.parse_args()


def _end_with_stdin() -> None:
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
