"""Marks on views: who may call them. They only mark; the edge `gate` enforces. A view without a mark answers 403."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, overload

View = TypeVar("View", bound=Callable[..., object])
ROLES = ("viewer", "support", "admin", "owner")


@dataclass(frozen=True)
class Mark:
    """What a view asks of its caller.

    kind: public, signed_in, customer, staff, token or signed. terms_open: stays reachable while the terms question is
    open.
    """

    kind: str
    role: str | None = None
    scope: str | None = None
    terms_open: bool = False


def public(view: View) -> View:
    """Anyone may call this view."""
    return _marked(view, Mark("public"))


@overload
def signed_in(view: View) -> View:
    """Without arguments."""


@overload
def signed_in(*, terms_open: bool = False) -> Callable[[View], View]:
    """With arguments."""


def signed_in(view: View | None = None, *, terms_open: bool = False) -> View | Callable[[View], View]:
    """Any signed-in user may call this view. Use with or without arguments."""
    return _decorate(view, Mark("signed_in", terms_open=terms_open))


@overload
def customer(view: View) -> View:
    """Without arguments."""


@overload
def customer(*, terms_open: bool = False) -> Callable[[View], View]:
    """With arguments."""


def customer(view: View | None = None, *, terms_open: bool = False) -> View | Callable[[View], View]:
    """A signed-in user with at least one association at the vendor of the address."""
    return _decorate(view, Mark("customer", terms_open=terms_open))


def staff(role: str) -> Callable[[View], View]:
    """A staff member of the session's vendor with at least this role."""
    if role not in ROLES:
        raise ValueError(f"There is no role {role!r}.")
    return lambda view: _marked(view, Mark("staff", role=role))


def token(scope: str) -> Callable[[View], View]:
    """A Web API call whose access token holds this scope."""
    return lambda view: _marked(view, Mark("token", scope=scope))


def signed(view: View) -> View:
    """A program that signs the raw body of its request, which the view itself checks.

    The gate neither looks for a session nor reads the body: parsing it would change what was signed.
    """
    return _marked(view, Mark("signed"))


def own_token(view: View) -> View:
    """Say that the view re-renders its own form when `csrf_token` is bad (through `PortalForm`)."""
    view.keeps_form = True  # type: ignore[attr-defined]
    return view


def mark_of(view: Callable[..., object] | None) -> Mark | None:
    """The mark of a view, or None: closed."""
    return getattr(view, "access_mark", None)


def at_least(role: str | None, wanted: str) -> bool:
    """Whether a staff role includes another one."""
    return role is not None and ROLES.index(role) >= ROLES.index(wanted)


def _decorate(view: View | None, mark: Mark) -> View | Callable[[View], View]:
    if view is not None:
        return _marked(view, mark)
    return lambda later: _marked(later, mark)


def _marked(view: View, mark: Mark) -> View:
    view.access_mark = mark  # type: ignore[attr-defined]
    return view
