"""Latchkey: a self-hosted customer portal for vendors who sell software licenses and bill with Stripe."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from portal.config import Settings

ROOT = Path(__file__).parent.parent
PORTAL = "/Portal/@<domain:domain>"

# URL prefix → modules that hold a blueprint `bp`, in the order of the house.
BLUEPRINTS: tuple[tuple[str, str], ...] = (
    ("", "portal.home.front"),
    ("", "portal.home.health"),
    ("", "portal.home.views"),
    ("", "portal.account.views"),
    ("", "portal.associate.views"),
    ("", "portal.terms.views"),
    ("", "portal.embed.views"),
    ("", "portal.licenses.views"),
    ("", "portal.billing.views"),
    ("", "portal.fulfillment.views"),
    ("", "portal.webhooks.views"),
    ("", "portal.console.customers"),
    ("", "portal.console.customer_links"),
    ("", "portal.console.products"),
    ("", "portal.console.licenses"),
    ("", "portal.console.data"),
    ("", "portal.console.staff"),
    ("", "portal.console.audit"),
    ("", "portal.console.user"),
    ("", "portal.console.reconciliation"),
    ("", "portal.console.reconciliation_events"),
    ("", "portal.console.reconciliation_states"),
    ("", "portal.console.stripe_doctor"),
    ("", "portal.console.stripe_doctor_pages"),
)
FOR_TRYING_OUT: tuple[tuple[str, str], ...] = (("/dev", "portal.dev.views"), ("/dev", "portal.dev.demo_views"))


def create_app(settings: Settings | None = None) -> Flask:
    """The portal as a WSGI app; settings come from the environment unless given."""
    from portal import config
    from portal.application import Application

    app = Application(__name__, template_folder=str(ROOT / "templates"), static_folder=str(ROOT / "static"))
    app.extensions["settings"] = settings or config.from_environment()
    _configure(app)
    _bind_database(app)
    _bind_pages(app)
    _register(app)
    _arm(app)
    _open_door(app)
    return app


def _configure(app: Flask) -> None:
    from werkzeug.middleware.proxy_fix import ProxyFix

    from portal import database
    from portal.home.health import AnyHost

    settings: Settings = app.extensions["settings"]
    app.wsgi_app = AnyHost(app.wsgi_app, settings.host)  # type: ignore[method-assign]
    app.config.update(
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=database.engine_options(settings),
        MAX_CONTENT_LENGTH=1024 * 1024 + 64 * 1024,
        MAX_FORM_PARTS=200,
        TRUSTED_HOSTS=_hosts(settings),
        SESSION_PROTECTION=None,
    )
    if settings.trusted_proxies:
        count = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=0)  # type: ignore[method-assign]


def _hosts(settings: Settings) -> list[str]:
    name = settings.host.rsplit(":", 1)[0] if ":" in settings.host else settings.host
    return [name] if settings.env == "production" else [name, "localhost", "127.0.0.1"]


def _bind_database(app: Flask) -> None:
    from portal import database, prepared, tables
    from portal.extensions import db

    assert tables.ALL
    settings: Settings = app.extensions["settings"]
    if settings.is_sqlite:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    db.init_app(app)
    database.init_app(app)
    prepared.init_app(app)


def _bind_pages(app: Flask) -> None:
    from flask import g

    from portal import assets, cookies, csrf, error_pages, formatters, frame, gate, headers, i18n, jobs, logging, paths
    from portal.extensions import login_manager

    paths.init_app(app)
    for part in (logging, cookies, i18n, formatters, assets, frame, headers, error_pages, gate, jobs):
        part.init_app(app)
    login_manager.request_loader(lambda request: g.get("visitor"))
    app.jinja_env.globals.update(csrf_input=csrf.form_fields)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.context_processor(_page_facts)


def _page_facts() -> dict[str, object]:
    from portal.current import current_g
    from portal.i18n import page_language

    here = current_g()
    return {
        "vendor": here.get("vendor"),
        "visitor": here.get("visitor"),
        "staff_role": here.get("staff_role"),
        "page_language": page_language(),
    }


def _arm(app: Flask) -> None:
    """Failpoints of the settings; what a test has armed itself stays."""
    from portal import failpoints

    if app.extensions["settings"].failpoints:
        failpoints.arm(app.extensions["settings"].failpoints)


def _open_door(app: Flask) -> None:
    """Last of all: it must know the headers of a finished app's answers."""
    from portal.webhooks.door import Door

    app.wsgi_app = Door(app)  # type: ignore[method-assign]


def _register(app: Flask) -> None:
    settings: Settings = app.extensions["settings"]
    extra = () if settings.env == "production" else FOR_TRYING_OUT
    for prefix, name in BLUEPRINTS + extra:
        app.register_blueprint(import_module(name).bp, url_prefix=prefix or None)
