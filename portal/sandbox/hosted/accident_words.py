"""What each accident does, in a sentence, by what it happens to."""

from flask_babel import gettext as _


def by_group() -> dict[str, dict[str, str]]:
    """Groups of accidents, each with sentences by kind."""
    return {
        _("Webhooks"): {
            "lost": _("A webhook never arrives"),
            "swallowed": _("A webhook counts as delivered and is never seen: somebody else answered"),
            "duplicate": _("A webhook arrives twice"),
            "reorder": _("A webhook arrives after later ones"),
            "late": _("A webhook arrives late: an hour, or the seconds below"),
            "wrong_signature": _("A webhook is signed wrongly"),
            "wrong_time": _("A webhook's signature is ten minutes old, or off by the seconds below"),
            "older_shape": _("A webhook is written as in Stripe's older versions"),
        },
        _("Calls to Stripe"): {
            "lost_reply": _("Stripe does it, but the answer is lost"),
            "server_error": _("Stripe answers 500 and does nothing"),
            "server_error_after_commit": _("Stripe does it, and answers 500"),
            "conflict": _("Stripe answers 409: another call is under way"),
            "rate_limited": _("Stripe answers 429: too many calls"),
            "forbidden": _("Stripe answers 403: the key may not do this"),
            "delay": _("The answer takes the seconds below"),
            "time_out": _("The answer never comes"),
        },
        _("Subscriptions"): {"billing_mode": _("A new subscription gets the billing mode below")},
    }


def by_kind() -> dict[str, str]:
    """The same sentences, by kind alone."""
    return {kind: sentence for group in by_group().values() for kind, sentence in group.items()}
