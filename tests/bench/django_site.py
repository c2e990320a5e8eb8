"""The yardstick: the same license list as a usual Django page (sessions in the database, one statement)."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import django
from django.conf import settings
from django.db import models
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path

VENDOR = 1
SESSION_KEY = "b" * 32
COOKIE = f"sessionid={SESSION_KEY}"
PAGE = """<!doctype html><html lang="en"><head><title>Your licenses</title>
<link rel="stylesheet" href="/static/app.css"></head><body>
<header><p>{{ request.user.email }}</p>
<form method="post" action="/out">{% csrf_token %}<button>Sign out</button></form></header>
<main><h1>Your licenses</h1>{% for license in licenses %}<article><h2>{{ license.product.name }}</h2>
<details><summary>Show key</summary><code>{{ license.key }}</code></details>
{% if license.block %}<span class="badge danger">Blocked</span>{% endif %}
{% if license.period and license.expires_at < now %}<span class="badge danger">Expired</span>{% endif %}
{% if not license.period %}<span class="badge">Perpetual</span>{% endif %}
<dl><dt>Expires</dt><dd>{{ license.expires_at|date:"M j, Y" }}</dd><dt>Features</dt>
<dd>{% if license.f1 %}F1 {% endif %}{% if license.f2 %}F2 {% endif %}{% if license.f3 %}F3 {% endif %}</dd>
<dt>Machines</dt><dd>{{ license.machines }} of {{ license.max_no_of_machines }}</dd></dl>
<a href="{% url 'license' license.global_id %}">Details</a></article>{% endfor %}</main></body></html>"""


def configure(database: str) -> None:
    """Set Django up on a SQLite file that holds our tables; its own are made beside them."""
    settings.configure(
        SECRET_KEY="b" * 50,
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        USE_TZ=True,
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": database, "CONN_MAX_AGE": None}},
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
            "allauth",
            "allauth.account",
        ],
        MIDDLEWARE=[
            "django.middleware.security.SecurityMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
            "django.middleware.clickjacking.XFrameOptionsMiddleware",
            "allauth.account.middleware.AccountMiddleware",
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ],
                    "loaders": [("django.template.loaders.locmem.Loader", {"licenses.html": PAGE})],
                },
            }
        ],
    )
    django.setup()


def make_site(database: str, customer_id: int) -> Any:
    """A WSGI app; COOKIE is that of a signed-in user who sees that customer's licenses."""
    configure(database)
    from django.contrib.auth import get_user_model
    from django.contrib.sessions.backends.db import SessionStore
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application

    call_command("migrate", verbosity=0)
    _copy_products(database)
    app = get_wsgi_application()
    user, _ = get_user_model().objects.get_or_create(username=str(customer_id), email="bench@mail.example")
    facts = {
        "_auth_user_id": str(user.pk),
        "_auth_user_backend": "django.contrib.auth.backends.ModelBackend",
        "_auth_user_hash": user.get_session_auth_hash(),
    }
    SessionStore.get_model_class().objects.update_or_create(
        session_key=SESSION_KEY,
        defaults={"session_data": SessionStore().encode(facts), "expire_date": datetime.now(UTC) + timedelta(days=1)},
    )
    _models()
    return app


def _copy_products(database: str) -> None:
    """Django joins by one column; ours has two in its key. A product's number stands for both here."""
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS django_products (id INTEGER PRIMARY KEY, name TEXT)")
        connection.execute("INSERT OR IGNORE INTO django_products SELECT id, name FROM products")


def _models() -> tuple[type[models.Model], type[models.Model]]:
    if "found" not in _cache:
        _cache["found"] = _make_models()
    return _cache["found"]  # type: ignore[return-value]


_cache: dict[str, object] = {}


def _make_models() -> tuple[type[models.Model], type[models.Model]]:
    class Product(models.Model):
        id = models.IntegerField(primary_key=True)
        name = models.CharField(max_length=100)

        class Meta:
            app_label, managed, db_table = "bench", False, "django_products"

    class License(models.Model):
        global_id = models.IntegerField(primary_key=True)
        vendor_id = models.IntegerField()
        product = models.ForeignKey(Product, on_delete=models.DO_NOTHING)
        customer_id = models.IntegerField()
        key = models.CharField(max_length=40)
        expires_at = models.DateTimeField()
        period = models.IntegerField()
        block = models.BooleanField()
        f1, f2, f3 = models.BooleanField(), models.BooleanField(), models.BooleanField()
        max_no_of_machines = models.IntegerField()

        class Meta:
            app_label, managed, db_table = "bench", False, "licenses"

    class Machine(models.Model):
        number = models.IntegerField(primary_key=True)
        vendor_id = models.IntegerField()
        global_id = models.IntegerField()

        class Meta:
            app_label, managed, db_table = "bench", False, "machines"

    return License, Machine


def licenses(request: HttpRequest) -> HttpResponse:
    """The page under measure."""
    License, Machine = _models()
    counted = (
        Machine.objects.filter(vendor_id=OuterRef("vendor_id"), global_id=OuterRef("global_id"))
        .values("global_id")
        .annotate(n=Count("*"))
        .values("n")
    )  # type: ignore[attr-defined]
    found = (
        License.objects.filter(vendor_id=VENDOR, customer_id=int(request.user.username))  # type: ignore[attr-defined]
        .select_related("product")
        .annotate(machines=Coalesce(Subquery(counted), 0))
        .order_by("-global_id")[:50]
    )
    return render(request, "licenses.html", {"licenses": found, "now": datetime.now(UTC)})


def detail(request: HttpRequest, global_id: int) -> HttpResponse:
    """Only here so that `url` has something to point at."""
    return HttpResponse(str(global_id))


def hello(request: HttpRequest) -> HttpResponse:
    """Django's own hello."""
    return HttpResponse("hello, world", content_type="text/plain")


urlpatterns = [
    path("licenses", licenses),
    path("license/<int:global_id>", detail, name="license"),
    path("hello", hello),
]


def main(what: str) -> dict[str, float]:
    """`times`: ratios to Flask's hello; `keys`: the listed keys in order, each with its place."""
    from tests.bench import hello as flask_hello
    from tests.bench.timing import call, measure

    show = lambda path: call(application, path, COOKIE)  # noqa: E731
    if what == "keys":
        found = re.findall(r"<code>([A-Z-]+)</code>", show("/licenses").decode())
        return {key: place for place, key in enumerate(found)}
    times = measure(
        {
            "flask": lambda: call(flask_hello.app.wsgi_app, "/"),
            "hello": lambda: show("/hello"),
            "page": lambda: show("/licenses"),
        }
    )
    return {name: timed.ratio for name, timed in times.items()}


if os.environ.get("BENCH_DJANGO_DATABASE"):
    application = make_site(os.environ["BENCH_DJANGO_DATABASE"], int(os.environ["BENCH_CUSTOMER"]))

if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1])))
