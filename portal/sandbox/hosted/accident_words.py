"""What each accident does, in a sentence, by what it happens to."""

from flask_babel import gettext as _


def by_group() -> dict[str, dict[str, str]]:
    """Groups of accidents, each with sentences by kind."""
    return {
        _("A webhook"): {
            "lost": _("It never arrives"),
            "swallowed": _("Somebody else answers for the portal: counted as delivered, never seen"),
            "duplicate": _("It arrives twice"),
            "reorder": _("It waits, and arrives after later ones"),
            "late": _("It arrives late (an hour, or as many seconds as below)"),
            "wrong_signature": _("It is signed wrongly"),
            "wrong_time": _("Its signature is ten minutes old (or as many seconds off as below)"),
            "older_shape": _("It is written as in Stripe's older versions"),
        },
        _("A call to Stripe"): {
            "lost_reply": _("Stripe does it, but the answer is lost"),
            "server_error": _("Stripe answers 500 and does nothing"),
            "server_error_after_commit": _("Stripe does it, and answers 500"),
            "conflict": _("Stripe answers 409: another call is under way"),
            "rate_limited": _("Stripe answers 429: too many calls"),
            "forbidden": _("Stripe answers 403: the key may not do this"),
            "delay": _("The answer takes the seconds below"),
            "time_out": _("The answer never comes"),
        },
        _("A new subscription"): {"billing_mode": _("It gets the billing mode below")},
    }


def by_kind() -> dict[str, str]:
    """The same sentences, by kind alone."""
    return {kind: sentence for group in by_group().values() for kind, sentence in group.items()}
