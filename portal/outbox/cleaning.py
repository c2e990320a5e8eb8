"""Forget what was sent and done long ago."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete

from portal import clock
from portal.extensions import db
from portal.outbox.models import OutboxItem

KEEP_JOBS = timedelta(days=30)
KEEP_MAILS = timedelta(days=400)


def clean_up() -> None:
    """Delete done jobs after a month and the record of sent mails after 400 days; dead items stay."""
    for kind, keep in (("job", KEEP_JOBS), ("mail", KEEP_MAILS)):
        old = (OutboxItem.state == "done") & (OutboxItem.kind == kind) & (OutboxItem.done_at < clock.now() - keep)
        db.session.execute(delete(OutboxItem).where(old))
