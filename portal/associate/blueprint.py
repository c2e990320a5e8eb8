"""The blueprint of the association pages; the view modules hang their views on it."""

from __future__ import annotations

from flask import Blueprint

bp = Blueprint("associate", __name__)
