"""The pictures of the README: starts the demo, walks through it as both roles and photographs what is there."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from playwright.sync_api import Browser, Page, StorageState, sync_playwright

from tests.architecture.source import ROOT
from tests.support import browser

FOLDER = ROOT / "docs" / "pictures"
MOST_BYTES = 150_000
PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 860}
TALL = {"width": 1280, "height": 1480}
CUSTOMER, STAFF = "customer", "staff"
Facts = dict[str, str]


@dataclass
class Tour:
    """The running demo and who is signed in where. facts: what `latchkey demo --json` printed."""

    chromium: Browser
    facts: Facts
    states: dict[str, StorageState] = field(default_factory=dict)

    def take(self, picture: Picture) -> None:
        """Walk to a page in a fresh window and write what is seen to docs/pictures."""
        context = self.chromium.new_context(
            viewport=picture.size,  # type: ignore[arg-type]
            color_scheme=picture.theme,  # type: ignore[arg-type]
            reduced_motion="reduce",
            locale="en-US",
            storage_state=self._signed_in(picture.who) if picture.who else None,
        )
        context.set_default_timeout(10_000)
        page = context.new_page()
        picture.walk(self, page)
        path = FOLDER / f"{picture.name}.png"
        page.screenshot(path=path)
        context.close()
        if path.stat().st_size > MOST_BYTES:
            sys.exit(f"{path.name} is larger than {MOST_BYTES} bytes.")
        sys.stdout.write(f"{path.relative_to(ROOT)} {path.stat().st_size} bytes\n")

    def open(self, page: Page, path: str) -> None:
        """Go to a path of the portal."""
        page.goto(self.facts["url"].rstrip("/") + path)

    def open_portal(self, page: Page, path: str) -> None:
        """Go to a path of the demo vendor's portal."""
        page.goto(self.facts["portal_url"] + path)

    def _signed_in(self, who: str) -> StorageState:
        if who not in self.states:
            context = self.chromium.new_context()
            page = context.new_page()
            page.goto(self.facts[f"{who}_url"])
            page.get_by_label("E-mail").fill(self.facts[f"{who}_email"])
            page.get_by_label("Password", exact=True).fill(self.facts[f"{who}_password"])
            page.get_by_role("button", name="Sign in", exact=True).click()
            page.wait_for_load_state()
            self.states[who] = context.storage_state()
            context.close()
        return self.states[who]


@dataclass(frozen=True)
class Picture:
    """One picture. walk: brings the page there. who: signed in as the customer, the staff, or nobody."""

    name: str
    size: dict[str, int]
    theme: str
    walk: Callable[[Tour, Page], None]
    who: str = ""


def start_page(tour: Tour, page: Page) -> None:
    """Where to click."""
    tour.open(page, "/")


def sign_up(tour: Tour, page: Page) -> None:
    """The generic link, filled in but not sent."""
    page.goto(tour.facts["sign_up_link"])
    page.get_by_label("Name").first.fill("Grace Holm")
    page.get_by_label("E-mail").first.fill("grace@mail.example")
    page.get_by_label("Password").first.fill("seven quiet lanterns")
    page.get_by_role("checkbox").first.check()


def mail(tour: Tour, page: Page) -> None:
    """The mail with the code that the sign-up waits for."""
    sign_up(tour, page)
    page.get_by_role("button", name="Create account").click()
    page.get_by_label("code").wait_for()
    page.goto(tour.facts["mail_url"])
    newest = page.locator("main a[href*='/dev/mail/']").first
    for _try in range(50):
        if newest.count():
            break
        page.wait_for_timeout(100)
        page.reload()
    newest.click()
    page.wait_for_load_state()


def licenses(tour: Tour, page: Page) -> None:
    """A customer's licenses in several states."""
    tour.open_portal(page, "Licenses")


def license_with_subscription(tour: Tour, page: Page) -> None:
    """The same on a phone, at the license whose subscription was canceled."""
    tour.open_portal(page, "Licenses")
    page.locator("article.card", has_text="Keep subscription").first.evaluate(
        "card => scrollTo(0, card.getBoundingClientRect().top + scrollY - 16)"
    )


def billing_portal(tour: Tour, page: Page) -> None:
    """One click later: the sandbox's billing portal."""
    tour.open_portal(page, "Billing")
    page.get_by_role("button", name="Manage billing").first.click()
    page.wait_for_url(f"{tour.facts['sandbox_url']}/**")


def sign_up_link(tour: Tour, page: Page) -> None:
    """The generic link with its QR code open."""
    tour.open(page, "/Customer/SignUpLink")
    page.locator("details", has_text="QR code").first.locator("summary").click()


def customers(tour: Tour, page: Page) -> None:
    """The vendor's first customers, the last page of the list."""
    tour.open(page, "/Customer?before=6")


def customer(tour: Tour, page: Page) -> None:
    """One customer with the personal link."""
    tour.open(page, "/Customer/Edit/2")


def product(tour: Tour, page: Page) -> None:
    """A product and its keys."""
    tour.open(page, "/Product/Detail/1")


def plans(tour: Tour, page: Page) -> None:
    """What is sold, with prices in words."""
    tour.open_portal(page, "Plans")


def bought(tour: Tour, page: Page) -> None:
    """Paid at the sandbox, and back with the key."""
    plans(tour, page)
    page.get_by_role("button", name="Buy").last.click()
    page.wait_for_url(f"{tour.facts['sandbox_url']}/**")
    page.get_by_role("button", name="Pay").click()
    page.get_by_role("heading", name="Your license key").wait_for()


def desk(tour: Tour, page: Page) -> None:
    """Money that nobody is known for, and what staff do about it."""
    tour.open(page, "/Reconciliation")
    page.locator("main").get_by_role("link", name="Unclaimed payment").last.click()
    page.wait_for_load_state()


def doctor(tour: Tour, page: Page) -> None:
    """What is wrong at Stripe, and how to mend it."""
    tour.open(page, "/StripeDoctor")


PICTURES = (
    Picture("start", DESKTOP, "light", start_page),
    Picture("sign-up", PHONE, "light", sign_up),
    Picture("mail", DESKTOP, "light", mail),
    Picture("licenses", TALL, "light", licenses, CUSTOMER),
    Picture("licenses-phone", PHONE, "dark", license_with_subscription, CUSTOMER),
    Picture("billing-portal", PHONE, "light", billing_portal, CUSTOMER),
    Picture("customers", DESKTOP, "light", customers, STAFF),
    Picture("customer", DESKTOP, "dark", customer, STAFF),
    Picture("sign-up-link", PHONE, "dark", sign_up_link, STAFF),
    Picture("product", DESKTOP, "light", product, STAFF),
    Picture("plans", DESKTOP, "light", plans, CUSTOMER),
    Picture("desk", DESKTOP, "light", desk, STAFF),
    Picture("doctor", DESKTOP, "dark", doctor, STAFF),
    Picture("bought", PHONE, "light", bought, CUSTOMER),
)


@contextmanager
def running_demo() -> Iterator[Facts]:
    """`latchkey demo` with fresh data on free ports; gives what it prints, and stops it afterwards."""
    command = [sys.executable, "-c", "from portal.cli import main; main()", "demo", "--json", "--port", "0"]
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen([*command, "--data-dir", folder], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()
            process.wait(30)


def main() -> None:
    """Take them all, or those that are named."""
    wanted = sys.argv[1:] or [picture.name for picture in PICTURES]
    FOLDER.mkdir(exist_ok=True)
    path = browser.find_or_install()
    with running_demo() as facts, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=browser.FLAGS)
        tour = Tour(chromium, facts)
        for picture in PICTURES:
            if picture.name in wanted:
                tour.take(picture)
        chromium.close()


if __name__ == "__main__":
    main()
