"""`latchkey vendors`: make a vendor, its Stripe settings, its sign-up link, its switches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from portal.cli import running

if TYPE_CHECKING:
    from portal.vendors.models import Vendor


@click.group()
def vendors() -> None:
    """Vendors: create, stripe, signup-link, set."""


@vendors.command()
@click.option("--domain", required=True, help="The vendor's domain; its portal is at /Portal/@<domain>/.")
@click.option("--name", required=True)
@click.option("--owner-email", required=True, help="The first owner; an account with this address is used or made.")
@click.option("--owner-password", help="For a new account; - reads it from standard input.")
@running.as_json_option
@running.in_app
def create(domain: str, name: str, owner_email: str, owner_password: str | None, as_json: bool) -> None:
    """Make a vendor and its first owner."""
    from portal import email_addresses, unit_of_work
    from portal.account import service as accounts
    from portal.associate import links
    from portal.audit import service as audit
    from portal.staff import service as staff
    from portal.vendors import service as vendor_service

    address = email_addresses.read(owner_email, "owner-email")
    hashed = _password_hash(address.key, running.secret(owner_password), (name, domain, address.key))
    vendor = vendor_service.create(domain, name)
    owner = accounts.find_by_email(address.key) or accounts.create(address, password_hash=hashed)
    staff.add(vendor, owner, "owner")
    audit.record(vendor.id, "vendor.create", f"vendor:{vendor.id}", after={"domain": vendor.domain, "name": name})
    unit_of_work.commit()
    facts = {"id": vendor.id, "domain": vendor.domain, "sign_up_link": links.sign_up_link(vendor)}
    running.show(facts | _addresses(vendor) | {"owner_email": address.shown}, as_json)


@vendors.command()
@click.option("--domain", required=True)
@click.option("--api-key", help="A restricted or secret key; - reads it from standard input.")
@click.option("--webhook-secret", "webhook_secrets", multiple=True, help="Up to two, while rolling; - reads one.")
@click.option("--portal-login-url", help="The login link Stripe shows for its customer portal (no-code mode).")
@running.as_json_option
@running.in_app
def stripe(
    domain: str, api_key: str | None, webhook_secrets: tuple[str, ...], portal_login_url: str | None, as_json: bool
) -> None:
    """Set a vendor's Stripe key, webhook secrets or login link; what is left out stays."""
    from portal import unit_of_work
    from portal.billing import service as billing

    if api_key is None and not webhook_secrets and portal_login_url is None:
        raise click.UsageError("Give --api-key, --webhook-secret or --portal-login-url.")
    secrets = [text for text in (running.secret(given) for given in webhook_secrets) if text]
    key = running.secret(api_key)
    vendor = running.get_vendor(domain)
    billing.set_account(vendor, api_key=key, webhook_secrets=secrets or None, portal_login_url=portal_login_url)
    unit_of_work.commit()
    account = billing.account_of(vendor)
    facts = {"domain": vendor.domain, "livemode": account.livemode, "webhook_url": _addresses(vendor)["webhook_url"]}
    running.show(facts, as_json)


@vendors.command("signup-link")
@click.option("--domain", required=True)
@click.option("--rotate", is_flag=True, help="Make a new link; the old one stops working at once.")
@running.as_json_option
@running.in_app
def signup_link(domain: str, rotate: bool, as_json: bool) -> None:
    """Show the generic sign-up link."""
    from portal import unit_of_work
    from portal.associate import links

    vendor = running.get_vendor(domain)
    if rotate:
        links.rotate_sign_up(vendor)
        unit_of_work.commit()
    running.show({"sign_up_link": links.sign_up_link(vendor)}, as_json)


@vendors.command("set")
@click.option("--domain", required=True)
@click.argument("switches", nargs=-1, metavar="[NAME=VALUE]...")
@running.as_json_option
@running.in_app
def set_switches(domain: str, switches: tuple[str, ...], as_json: bool) -> None:
    """Set vendor switches; without any, show them."""
    from portal import unit_of_work
    from portal.audit import service as audit
    from portal.vendors import service as vendor_service

    wrong = [pair for pair in switches if "=" not in pair]
    if wrong:
        raise click.UsageError(f"{wrong[0]!r} is not NAME=VALUE.")
    vendor = running.get_vendor(domain)
    for name, _sign, text in (pair.partition("=") for pair in switches):
        before, after = vendor_service.set_switch(vendor, name, text)
        audit.record(vendor.id, "vendor.set", f"vendor:{vendor.id}", before={name: before}, after={name: after})
    unit_of_work.commit()
    running.show(switch_values(vendor), as_json, names=True)


def switch_values(vendor: Vendor) -> dict[str, Any]:
    """Every switch with its value, as plain JSON values."""
    from dataclasses import asdict

    from portal.vendors import service as vendor_service

    return asdict(vendor_service.switches_of(vendor))


def _password_hash(email_key: str, password: str | None, context: tuple[str, ...]) -> str:
    """The hash for a new account; for an existing one the password must be the one it has."""
    from portal import unit_of_work
    from portal.account import passwords
    from portal.account import service as accounts

    if not password:
        return ""
    with unit_of_work.reading():
        owner = accounts.find_by_email(email_key)
        stored = owner.password_hash if owner else None
    if stored is None:
        passwords.check(password, context)
        return passwords.hash_password(password)
    if not passwords.verify(stored, password):
        raise click.ClickException("The owner has an account with another password. Leave --owner-password out.")
    return stored


def _addresses(vendor: Vendor) -> dict[str, str]:
    from portal import addresses

    return {
        "portal_url": addresses.portal_link(vendor),
        "webhook_url": addresses.absolute(f"/api/subscription/StripeUrl?id={vendor.id}"),
    }
