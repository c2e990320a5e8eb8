"""The blueprint of every account page; the view modules hang their views on it."""

from __future__ import annotations

from flask import Blueprint

bp = Blueprint("account", __name__)
