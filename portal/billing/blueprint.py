"""The blueprint of every billing page; the view modules hang their views on it."""

from __future__ import annotations

from flask import Blueprint

bp = Blueprint("billing", __name__)
