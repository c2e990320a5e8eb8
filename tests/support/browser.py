"""Chromium for the journeys: an installed one, else from the system's packages, else from Playwright's installer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
HELP = (
    "No browser for the journeys: install one (apt-get install chromium), run as root so that make test can, "
    "or run BROWSER=none make test for the rest."
)


def find() -> str | None:
    """The path of an installed browser, or None."""
    named = os.environ.get("BROWSER", "")
    if named not in ("", "none") and os.access(named, os.X_OK):
        return named
    for name in NAMES:
        path = shutil.which(name)
        if path:
            return path
    return _of_playwright()


def find_or_install() -> str:
    """The path of a browser, installing one if need be. Ends the process with one line if there is no way."""
    for attempt in (lambda: None, _by_apt, _by_playwright):
        attempt()
        path = find()
        if path:
            return path
    sys.exit(HELP)


def _by_apt() -> None:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    print("Installing chromium (once) ...", flush=True)
    for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "chromium"]):
        subprocess.run(
            command, stdout=subprocess.DEVNULL, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, check=False
        )


def _by_playwright() -> None:
    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)


def _of_playwright() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if os.access(path, os.X_OK) else None
