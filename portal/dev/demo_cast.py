"""Who and what the demo shows: products, prices, people and their licenses. All of them are made up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

DOMAIN = "demo.example"
VENDOR_NAME = "Harborlight Software"
ACCENT_COLOR = "#0f766e"
DESCRIPTION = "Tools for people who draw, render and keep count. Made by nine people in a former net loft by the sea."
SUPPORT_EMAIL = "help@demo.example"
STAFF_EMAIL = "owner@demo.example"
STAFF_PASSWORD = "copper lantern meadow"  # noqa: S105 (printed on the start page)
STRANGER_NAME = "Nadia Petrova"
STRANGER_EMAIL = "nadia@petrova.example"
CUSTOMER_EMAIL = "maria@customer.example"
CUSTOMER_PASSWORD = "violet harbor teapot"  # noqa: S105
STAFF = ((STAFF_EMAIL, "Olivia Berg", "owner"), ("support@demo.example", "Samir Haddad", "support"))
VIEWER = ("viewer@demo.example", "Vera Novak", "viewer")

NORMAL, TIME_LIMITED, TRIAL = 0, 1, 2


@dataclass(frozen=True)
class Offer:
    """A price at Stripe. amount: euro cents. interval: month or year, or empty for once. skm: CreateKey parameters."""

    amount: int
    interval: str
    skm: dict[str, Any]
    trial_days: int = 0


@dataclass(frozen=True)
class Ware:
    """A product. features: name and type of `f1` onward. prices: its offers by a name of ours."""

    name: str
    description: str
    features: tuple[tuple[str, int], ...]
    prices: dict[str, Offer] = field(default_factory=dict)
    all_licenses_time_limited: bool = False


@dataclass(frozen=True)
class Key:
    """A license. product: key in WARES. days: its period; left: days until it expires (negative: expired so long ago).

    on: the features it has. plan and pays: the price it is paid with and how that goes: `active`, `canceling`,
    `past_due`, `trialing` or `ended`. age: days since it was made.
    """

    product: str
    days: int = 0
    left: int = 0
    on: str = "f1"
    machines: tuple[tuple[str, str], ...] = ()
    most_machines: int = 0
    trial: bool = False
    block: bool = False
    plan: str = ""
    pays: str = ""
    age: int = 40
    notes: str = ""


@dataclass(frozen=True)
class Buyer:
    """A customer and their licenses, oldest first. link: off, on, many (several accounts) or revoked."""

    name: str
    email: str = ""
    company: str = ""
    keys: tuple[Key, ...] = ()
    link: str = "on"
    notes: str = ""
    manages_machines: bool = True


WARES = {
    "studio": Ware(
        "Harborlight Studio",
        "Drawing and rendering on the desktop.",
        (("Editor", NORMAL), ("Batch export", NORMAL), ("Cloud rendering", TIME_LIMITED), ("Evaluation", TRIAL)),
        {
            "studio_monthly": Offer(
                1900, "month", {"Period": 30, "F1": True, "F2": True, "MaxNoOfMachines": 2}, trial_days=14
            ),
            "studio_yearly": Offer(19000, "year", {"Period": 365, "F1": True, "F2": True, "MaxNoOfMachines": 2}),
        },
    ),
    "node": Ware(
        "Harborlight Render Node",
        "Renders at night on the machines you have.",
        (("Render engine", NORMAL), ("Priority queue", TIME_LIMITED)),
        {
            "node_monthly": Offer(4900, "month", {"Period": 30, "F1": True, "MaxNoOfMachines": 10}),
            "node_yearly": Offer(49000, "year", {"Period": 365, "F1": True, "F2": True, "MaxNoOfMachines": 10}),
        },
        all_licenses_time_limited=True,
    ),
    "ledger": Ware(
        "Pocket Ledger",
        "Bookkeeping that fits one page. Paid once, yours for good.",
        (("Ledger", NORMAL), ("Bank import", NORMAL)),
        {"ledger_once": Offer(7900, "", {"F1": True, "F2": True, "MaxNoOfMachines": 3})},
    ),
}

STUDIO_PAID = Key("studio", 365, 368, "f1 f2", plan="studio_yearly", pays="active", most_machines=2)
MARIA_MACHINES = (("Maria's MacBook", "198.51.100.23"), ("", "203.0.113.80"))

BUYERS = (
    Buyer(
        "Maria Lindqvist",
        CUSTOMER_EMAIL,
        "Lindqvist Illustration",
        (
            Key("node", 365, -21, "f1", most_machines=10, age=386),
            Key("ledger", on="f1 f2", machines=(("Front desk", "198.51.100.23"),), most_machines=3, age=700),
            Key("studio", 14, 9, "f1 f4", trial=True, most_machines=1, age=5),
            Key("node", 30, 33, "f1", plan="node_monthly", pays="canceling", most_machines=10, age=90),
            Key("studio", 365, 368, "f1 f2", MARIA_MACHINES, 2, plan="studio_yearly", pays="active", age=400),
        ),
    ),
    Buyer("Jonas Weber", "jonas@customer.example", "", (STUDIO_PAID, Key("ledger", age=12)), notes="Met at the fair."),
    Buyer(
        "Priya Raman",
        "priya@studio-raman.example",
        "Studio Raman",
        (Key("node", 30, 6, "f1", plan="node_monthly", pays="past_due", most_machines=10, age=63),),
    ),
    Buyer(
        "Tom Okafor",
        "tom@okafor.example",
        "",
        (Key("studio", 365, 112, "f1", block=True, age=253, notes="Blocked after a chargeback."),),
    ),
    Buyer("Ingrid Solheim", "ingrid@solheim.example", "Solheim Arkitekter AS", (), notes="Asked for a quote."),
    Buyer(
        "Bartholomew Featherstonehaugh-Cholmondeley of Wotton-under-Edge, Senior Procurement Coordinator",
        "bartholomew.featherstonehaugh-cholmondeley@procurement.international-shipping-and-forwarding.example",
        "The International Shipping, Forwarding, Warehousing and Customs Brokerage Company of Northern Europe",
        (Key("studio", 365, 201, "f1 f2 f3", most_machines=25, age=164), Key("ledger", age=800)),
        manages_machines=False,
    ),
    Buyer("Łukasz Żółć", "lukasz@pracownia.example", "Pracownia Żółć", (Key("studio", 30, 1, "f1", age=29),)),
    Buyer("佐藤 花子", "hanako@sato-design.example", "佐藤デザイン事務所", (Key("ledger", on="f1", most_machines=1),)),
    Buyer("ليلى حداد", "layla@haddad.example", "استوديو حداد", (Key("studio", 14, 13, "f1 f4", trial=True, age=1),)),
    Buyer(
        "Cedar Lane School",
        "office@cedarlane.example",
        "Cedar Lane School",
        tuple(
            Key("studio", 365, 250, "f1", ((f"Lab {room}", "192.0.2.14"),), 1, age=115, notes=f"Lab {room}")
            for room in range(1, 13)
        ),
        link="many",
    ),
    Buyer(
        "Henrik Dahl",
        "henrik@dahl.example",
        "",
        (Key("studio", 30, -64, "f1 f2", plan="studio_monthly", pays="ended", block=True, age=154),),
        link="revoked",
    ),
    Buyer(
        "Ana Costa",
        "ana@costa.example",
        "Costa & Filhas",
        (Key("studio", 14, 14, "f1 f2", plan="studio_monthly", pays="trialing", most_machines=2, age=0),),
    ),
    Buyer(
        "Walk-in sale 2024-11", "", "", (Key("ledger", age=380),), link="off", notes="Paid in cash, no address left."
    ),
)
