"""Two people at once: the last owner stays, and an invitation is used once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

from flask import Flask
from sqlalchemy import select

from portal import crypto
from portal.account.models import User
from portal.errors import PortalError
from portal.extensions import db
from portal.staff import invitations, service
from portal.staff.models import StaffInvitation, StaffMember
from portal.vendors import service as vendors
from portal.vendors.models import Vendor
from tests.factories import make_staff, make_user


def at_once(app: Flask, *actions: Callable[[], object]) -> list[str]:
    """Run each action in a thread and a context of its own; `done`, or the refusal's name, in their order."""
    start = threading.Barrier(len(actions))
    results = [""] * len(actions)

    def run(place: int) -> None:
        with app.app_context():
            start.wait(10)
            try:
                actions[place]()
                db.session.commit()
                results[place] = "done"
            except PortalError as error:
                db.session.rollback()
                results[place] = type(error).__name__

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(actions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results


def test_two_owners_cannot_both_leave(app: Flask, acme: Vendor) -> None:
    vendor = vendors.profile_of(acme)
    for round_number in range(10):
        db.session.execute(StaffMember.__table__.delete())
        owners = [make_staff(acme, "owner", email=f"o{round_number}-{n}@acme.example").id for n in range(2)]
        db.session.commit()

        results = at_once(app, *(partial(service.remove, vendor, "owner", who) for who in owners))

        assert sorted(results) == ["Conflict", "done"]
        db.session.expire_all()
        assert len(db.session.scalars(select(StaffMember)).all()) == 1
        db.session.commit()


def test_an_invitation_is_used_once(app: Flask, acme: Vendor, globex: Vendor) -> None:
    user = make_user("new@mail.example").id
    vendor = vendors.profile_of(acme)
    for _round in range(5):
        db.session.execute(StaffMember.__table__.delete())
        invitations.invite(vendor, "owner@acme.example", "owner", "new@mail.example", "support")
        row = db.session.scalar(select(StaffInvitation).order_by(StaffInvitation.id.desc()).limit(1))
        row.token_digest = crypto.digest(token := crypto.new_token())
        db.session.commit()

        def join(token: str = token) -> None:
            found = db.session.get(User, user)
            assert found is not None
            invitations.accept(token, found)

        results = at_once(app, join, join, join)
        assert sorted(results)[-1] == "done" and results.count("done") == 1
        db.session.expire_all()
        assert len(db.session.scalars(select(StaffMember)).all()) == 1
        db.session.commit()
