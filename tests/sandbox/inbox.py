"""A receiver of webhooks: keeps what arrives, and answers as it is told."""

import json
from dataclasses import dataclass, field
from typing import Any

import stripe
from flask import Flask, request

ORIGIN = "http://127.0.0.1:9"


@dataclass
class Inbox:
    """Everything that arrived, in order. answers: status codes for the next requests, then 200."""

    answers: list[int] = field(default_factory=list)
    arrived: list[tuple[bytes, str]] = field(default_factory=list)

    @property
    def events(self) -> list[Any]:
        """The events that arrived."""
        return [json.loads(body) for body, _signature in self.arrived]

    @property
    def types(self) -> list[str]:
        """Their types."""
        return [event["type"] for event in self.events]

    def app(self) -> Flask:
        """The receiving app."""
        app = Flask(__name__)

        @app.post("/hook")
        def receive() -> tuple[str, int]:
            self.arrived.append((request.get_data(), request.headers["Stripe-Signature"]))
            return "", self.answers.pop(0) if self.answers else 200

        return app

    def verified(self, secret: str, now: int) -> list[bool]:
        """Whether each signature holds, by Stripe's own library, as seen at this time."""
        found = []
        for body, signature in self.arrived:
            stamp = int(signature.split(",")[0].removeprefix("t="))
            try:
                stripe.WebhookSignature.verify_header(body.decode(), signature, secret, None)
                found.append(abs(now - stamp) <= 300)
            except stripe.SignatureVerificationError:
                found.append(False)
        return found
