"""The yardstick of every figure: the smallest Flask app."""

from __future__ import annotations

from flask import Flask

app = Flask("hello")
app.add_url_rule("/", view_func=lambda: "Hello, World!")
