"""A customer with a browser: presses *Buy*, presses it again when nothing comes back, pays, and returns."""

from __future__ import annotations

import re
import time

import requests
from bs4 import BeautifulSoup

from tests.crash.lane import DOMAIN, Lane

SESSION = re.compile(r"cs_[A-Za-z0-9_]+")
PATIENCE_SECONDS = 30


class Buyer:
    """The visitor whose session stands in every fresh database."""

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self.base = f"{lane.origin}/Portal/@{DOMAIN}"
        self.browser = requests.Session()
        self.browser.cookies.set("latchkey-session", lane.visit)

    def buy(self, price: str) -> str:
        """From the plans page to Stripe's page to pay on; the id of the checkout it is about."""
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                found = self._press(price)
            except requests.RequestException:
                found = None  # the process died: press again
            if found:
                return found
            assert time.monotonic() < until, "buying leads nowhere"
            time.sleep(0.02)

    def come_back(self, order: str) -> None:
        """Open the page that Stripe leads back to; whoever dies meanwhile, nothing depends on it."""
        try:
            self.browser.get(f"{self.base}/Billing/Return", params={"order": order}, timeout=20)
        except requests.RequestException:
            return

    def _press(self, price: str) -> str | None:
        page = BeautifulSoup(self.browser.get(f"{self.base}/Plans", timeout=20).text, "html.parser")
        for form in page.select('form[action$="Billing/Checkout"]'):
            fields = {str(field["name"]): str(field.get("value") or "") for field in form.select("input[name]")}
            if fields.get("price") != price:
                continue
            answer = self.browser.post(f"{self.base}/Billing/Checkout", data=fields, allow_redirects=False, timeout=20)
            led = SESSION.search(answer.headers.get("Location", ""))
            return led[0] if led else None
        return None
