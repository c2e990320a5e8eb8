"""Whose a Stripe object is and which license it pays: by our own table, then by metadata, never by e-mail.

Numbers that another installation on the same account has written are none of ours, though they look alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Executable, bindparam, select, update

from portal import clock
from portal.billing import gateway
from portal.billing.models import StripeAccount, StripeCustomer, Subscription
from portal.customers.models import Customer
from portal.database import insert_into
from portal.licenses.models import License

if TYPE_CHECKING:
    from portal.billing.sync import Gathered


INSTANCE, TEMPORARY = "latchkey_instance", "skm_temp_var"
# Made once: building such statements costs more than running them.
_OWNERS = select(StripeCustomer.stripe_id, StripeCustomer.customer_id).where(
    StripeCustomer.vendor_id == bindparam("of_vendor"),
    StripeCustomer.livemode == bindparam("in_mode"),
    StripeCustomer.stripe_id.is_not(None),
)
_OWNERS_OF = _OWNERS.where(StripeCustomer.stripe_id.in_(bindparam("only", expanding=True)))
_INSTANCE = select(StripeAccount.instance).where(StripeAccount.vendor_id == bindparam("of_vendor"))
_CUSTOMER = select(Customer.id).where(Customer.vendor_id == bindparam("of_vendor"), Customer.id == bindparam("number"))
_COUNTERPARTS = StripeCustomer.__table__.c
_REFRESHED = (
    update(StripeCustomer.__table__)  # type: ignore[arg-type]
    .where(_COUNTERPARTS.vendor_id == bindparam("of_vendor"), _COUNTERPARTS.stripe_id == bindparam("counterpart"))
    .values(email=bindparam("address"), state="linked")
)


@cache
def _linking(dialect: str) -> Executable:
    insert = insert_into(StripeCustomer.__table__)
    # A customer keeps the counterpart it has; one that is being made, or that Stripe lost, takes this one.
    is_free = _COUNTERPARTS.stripe_id.is_(None) | (_COUNTERPARTS.state == "stale")
    statement: Executable = insert.on_conflict_do_update(
        index_elements=["vendor_id", "customer_id", "livemode"],
        set_={name: insert.excluded[name] for name in ("stripe_id", "email", "state")},
        where=is_free,
    )
    return statement


@dataclass
class Links:
    """The connections known while one reading of Stripe is written down. owners: our customer's id by `cus_…`.

    instance: our `latchkey_instance`, empty before its first use.
    """

    connection: Connection
    vendor_id: int
    livemode: bool
    products: dict[str, gateway.ProductRead]
    owners: dict[str, int]
    instance: str

    @classmethod
    def read(cls, connection: Connection, vendor_id: int, found: Gathered, *only: str) -> Links:
        """Start from our own table. only: the counterparts that matter; all unless given."""
        facts: dict[str, Any] = {"of_vendor": vendor_id, "in_mode": found.livemode}
        rows = connection.execute(_OWNERS_OF, facts | {"only": only}) if only else connection.execute(_OWNERS, facts)
        owners = {str(stripe_id): customer_id for stripe_id, customer_id in rows}
        instance = connection.execute(_INSTANCE, {"of_vendor": vendor_id}).scalar() or ""
        return cls(connection, vendor_id, found.livemode, found.products, owners, instance)

    def is_foreign(self, metadata: Mapping[str, str]) -> bool:
        """Whether another installation has written this."""
        return is_foreign(metadata, self.instance)

    def link_customer(self, read: gateway.CustomerRead) -> None:
        """Recognize a Stripe customer by `skm_customer_id`, and keep its address fresh."""
        if read.is_deleted or read.livemode not in (None, self.livemode):
            return
        if read.id in self.owners:
            self._refresh(read)
            return
        if self.is_foreign(read.metadata):
            return
        customer_id = number_in(read.metadata, "skm_customer_id")
        if customer_id is None or not self._is_customer(customer_id):
            return
        row = {"vendor_id": self.vendor_id, "customer_id": customer_id, "livemode": self.livemode}
        counterpart = {"stripe_id": read.id, "email": read.email, "state": "linked", "created_at": clock.now()}
        self.connection.execute(_linking(self.connection.dialect.name), row | counterpart)
        self.owners[read.id] = customer_id

    def resolve(self, read: gateway.SubscriptionRead) -> tuple[int | None, int | None]:
        """Customer id and license GlobalId of a subscription, where they are known."""
        customer_id = self.owners.get(read.customer_id)
        if customer_id is None:
            named = number_in(read.metadata, "skm_customer_id")
            customer_id = named if named is not None and self._is_customer(named) else self._payer(read.id)
        found = self._license(read)
        if found is None:
            return customer_id, None
        global_id, owner = found
        if customer_id is not None and owner is not None and owner != customer_id:
            return customer_id, None  # another customer's key: shown to staff, never to either customer
        return (customer_id if customer_id is not None else owner), global_id

    def _license(self, read: gateway.SubscriptionRead) -> tuple[int, int | None] | None:
        columns = select(License.global_id, License.customer_id).where(License.vendor_id == self.vendor_id)
        global_id = number_in(read.metadata, "skm_key_globalid")
        if global_id is not None:
            row = self.connection.execute(columns.where(License.global_id == global_id)).first()
            if row is not None:
                return row[0], row[1]
        key_id = number_in(read.metadata, "skm_key_id")
        for item in read.items if key_id is not None else ():
            product = self.products.get(item.product_id)
            product_id = number_in(product.metadata, "skm_product_id") if product else None
            row = self.connection.execute(columns.where(License.product_id == product_id, License.id == key_id)).first()
            if product_id is not None and row is not None:
                return row[0], row[1]
        return None

    def _payer(self, subscription_id: str) -> int | None:
        """Whose it was at the first reading: a license that staff give away later takes no subscription along."""
        mine = (Subscription.vendor_id == self.vendor_id) & (Subscription.stripe_id == subscription_id)
        return self.connection.execute(select(Subscription.customer_id).where(mine)).scalar()

    def _is_customer(self, customer_id: int) -> bool:
        facts = {"of_vendor": self.vendor_id, "number": customer_id}
        return self.connection.execute(_CUSTOMER, facts).first() is not None

    def _refresh(self, read: gateway.CustomerRead) -> None:
        facts = {"of_vendor": self.vendor_id, "counterpart": read.id, "address": read.email}
        self.connection.execute(_REFRESHED, facts)


def is_foreign(metadata: Mapping[str, str], instance: str) -> bool:
    """Whether another installation on the same account has written this: its numbers are those of other records."""
    theirs = metadata.get(INSTANCE, "")
    return bool(theirs and instance and theirs != instance)


def number_in(metadata: dict[str, str], name: str) -> int | None:
    """A record number from metadata that people may have typed, or None."""
    text = metadata.get(name, "").strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        return None
    return int(text) if 0 < int(text) < 2**31 else None
