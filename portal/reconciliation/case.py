"""A finding as a repair handles it: plain values, what was read again, and what is to be written to Stripe."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flask_babel import gettext as _

from portal.billing import gateway
from portal.fulfillment.facts import Facts
from portal.fulfillment.reading import Source


@dataclass(frozen=True)
class Case:
    """One finding. chosen: the customer that staff name. facts: of its purchases, read just now; people: of Stripe's
    customers.
    """

    kind: str
    subject: str
    purchase: str
    stripe: dict[str, Any]
    ours: dict[str, Any]
    customer_id: int | None
    license_global_id: int | None
    chosen: int | None = None
    facts: tuple[Facts, ...] = ()
    people: tuple[gateway.CustomerRead, ...] = field(default=())


@dataclass(frozen=True)
class Write:
    """Metadata for a subscription or a customer at Stripe; an empty text removes a name.

    takes_away: something that somebody may rely on is removed.
    """

    stripe_id: str
    metadata: dict[str, str]
    takes_away: bool = False

    @property
    def text(self) -> str:
        """In words."""
        said = ", ".join(f"{name} = {value}" for name, value in self.metadata.items() if value)
        gone = ", ".join(name for name, value in self.metadata.items() if not value)
        parts = [_("%(what)s is written", what=said)] if said else []
        parts += [_("%(what)s is removed", what=gone)] if gone else []
        return _("At Stripe, on %(id)s: %(parts)s.", id=self.stripe_id, parts="; ".join(parts))

    def perform(self, source: Source) -> None:
        """Write it. Setting the same twice is harmless. Raises the gateway's errors."""
        write = gateway.write_customer_metadata if self.stripe_id.startswith("cus_") else gateway.write_metadata
        write(source.connection, self.stripe_id, self.metadata)


@dataclass(frozen=True)
class Done:
    """What a remedy did on our side. outcome: a sentence where the changes do not speak for themselves."""

    is_done: bool
    outcome: str = ""
    writes: tuple[Write, ...] = ()
