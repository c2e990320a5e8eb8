"""Throttling: counted once for all processes, always for a while only."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal import clock, throttle
from portal.errors import Throttled
from portal.extensions import db
from portal.throttle import ThrottleCounter
from portal.vendors.models import Vendor
from tests.factories import PASSWORD, make_customer_user
from tests.support import databases
from tests.support.page import Page

SIGN_IN = "/Portal/@acme.example/SignIn"
HITS = """
import sys
from pathlib import Path
from portal import throttle
from portal.errors import Throttled
from tests.support import databases
app = databases.make_app(sys.argv[1], Path(sys.argv[2]))
taken = 0
with app.app_context():
    for _ in range(int(sys.argv[3])):
        try:
            throttle.hit("sign_in_address", "racer@mail.example")
            taken += 1
        except Throttled:
            pass
print(taken)
"""


def rows() -> int:
    """How many counts are kept."""
    db.session.commit()
    return db.session.scalar(select(func.count()).select_from(ThrottleCounter)) or 0


def test_the_limit_holds_across_processes(app: Flask, database_url: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", HITS, database_url, str(tmp_path), "20"]
    root = Path(__file__).parent.parent.parent
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) for _ in range(2)]

    taken = [int(run.communicate(timeout=60)[0]) for run in runs]

    assert sum(taken) == 10
    with pytest.raises(Throttled):
        throttle.hit("sign_in_address", "racer@mail.example")


def test_a_window_ends_by_itself_and_tells_how_long_to_wait(app: Flask) -> None:
    for _try in range(10):
        throttle.hit("sign_in_address", "ada@mail.example")
    clock.move(timedelta(minutes=4))
    with pytest.raises(Throttled) as refused:
        throttle.hit("sign_in_address", "ada@mail.example")
    assert refused.value.retry_after in (359, 360)

    clock.move(timedelta(minutes=6, seconds=1))

    throttle.hit("sign_in_address", "ada@mail.example")


def test_subjects_are_counted_apart_and_not_kept_readable(app: Flask) -> None:
    for _try in range(10):
        throttle.hit("sign_in_address", "ada@mail.example")

    throttle.hit("sign_in_address", "eve@mail.example")

    assert not db.session.scalars(select(ThrottleCounter.key).where(ThrottleCounter.key.contains("ada"))).all()


def test_counts_that_are_over_are_carried_away(app: Flask) -> None:
    for number in range(20):
        throttle.hit("link_try", number)
    assert rows() == 20
    db.session.commit()
    clock.move(timedelta(hours=1))

    throttle.hit("link_try", "later")

    assert rows() == 1


def test_networks_are_one_subject(app: Flask) -> None:
    for address, subject in (("192.0.2.7", "192.0.2.7"), ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"), ("odd", "")):
        with app.test_request_context(environ_base={"REMOTE_ADDR": address}):
            assert throttle.network() == subject


def test_eleven_wrong_passwords_have_to_wait_and_the_right_one_too(page: Page, acme: Vendor) -> None:
    user = make_customer_user(acme)
    for _try in range(10):
        page.get(SIGN_IN).submit({"email": user.email, "password": "wrong password"}, status=422)

    page.get(SIGN_IN).submit({"email": user.email, "password": PASSWORD}, status=429)

    assert int(page.response.headers["Retry-After"]) > 0
    clock.move(timedelta(minutes=10, seconds=1))
    page.get(SIGN_IN).submit({"email": user.email, "password": PASSWORD})


def test_unknown_addresses_are_throttled_alike(page: Page, acme: Vendor) -> None:
    for _try in range(10):
        page.get(SIGN_IN).submit({"email": "nobody@mail.example", "password": "wrong password"}, status=422)

    page.get(SIGN_IN).submit({"email": "nobody@mail.example", "password": "wrong password"}, status=429)


def test_the_right_password_starts_the_count_afresh(page: Page, acme: Vendor) -> None:
    user = make_customer_user(acme)
    for _round in range(2):
        for _try in range(9):
            page.get(SIGN_IN).submit({"email": user.email, "password": "wrong password"}, status=422)
        page.get(SIGN_IN).submit({"email": user.email, "password": PASSWORD})
        page.get("/Portal/@acme.example/Account").submit(form='form[action$="/SignOut"]')


def test_strangers_cannot_use_up_the_tries_of_a_browser_that_is_known(app: Flask, page: Page, acme: Vendor) -> None:
    from tests.support.mailbox import sent_mails

    user = make_customer_user(acme)
    page.get(SIGN_IN).submit({"email": user.email, "send_code": "1"}).follow()
    page.submit({"code": sent_mails(user.email)[-1].code})
    page.get("/Portal/@acme.example/Account").submit(form='form[action$="/SignOut"]')
    stranger = Page(app)
    for _try in range(10):
        stranger.get(SIGN_IN).submit({"email": user.email, "password": "wrong password"}, status=422)
    stranger.get(SIGN_IN).submit({"email": user.email, "password": "wrong password"}, status=429)

    page.get(SIGN_IN).submit({"email": user.email, "password": PASSWORD})


def test_strangers_cannot_use_up_the_codes_of_a_browser_that_is_known(app: Flask, page: Page, acme: Vendor) -> None:
    from tests.support.mailbox import sent_mails

    user = make_customer_user(acme)
    page.get(SIGN_IN).submit({"email": user.email, "send_code": "1"}).follow()
    page.submit({"code": sent_mails(user.email)[-1].code})
    page.get("/Portal/@acme.example/Account").submit(form='form[action$="/SignOut"]')
    stranger = Page(app)
    for _try in range(9):
        stranger.get(SIGN_IN).submit({"email": user.email, "send_code": "1"})
    stranger.get(SIGN_IN).submit({"email": user.email, "send_code": "1"}, status=429)

    page.get(SIGN_IN).submit({"email": user.email, "send_code": "1"}).follow()
    page.submit({"code": sent_mails(user.email)[-1].code})


def test_too_many_hashes_at_once_answer_429(page: Page, acme: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    from portal.account import passwords

    none_left = threading.BoundedSemaphore(1)
    none_left.acquire()
    monkeypatch.setattr(passwords, "_places", none_left)
    monkeypatch.setattr(passwords, "PATIENCE", 0.01)

    page.get(SIGN_IN).submit({"email": "ada@mail.example", "password": PASSWORD}, status=429)

    assert page.response.headers["Retry-After"] == "3"


@pytest.mark.sqlite_only
def test_the_database_counts_while_redis_does_not_answer(app: Flask, database_url: str, tmp_path: Path) -> None:
    from limits.storage import RedisStorage

    with_redis = databases.make_app(database_url, tmp_path, LATCHKEY_REDIS_URL="redis://127.0.0.1:1/0")

    with with_redis.app_context():
        in_redis, _in_database = throttle.limiters()
        assert in_redis and isinstance(in_redis.storage, RedisStorage)
        for _try in range(10):
            throttle.hit("sign_in_address", "ada@mail.example")
        with pytest.raises(Throttled):
            throttle.hit("sign_in_address", "ada@mail.example")
