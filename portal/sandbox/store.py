"""The sandbox's SQLite file: objects as JSON documents beside the columns that lists are found by."""

import hashlib
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from portal.sandbox import ids

TABLES = """
CREATE TABLE IF NOT EXISTS accounts (
    id TEXT PRIMARY KEY, key_hash TEXT NOT NULL UNIQUE, key_hint TEXT NOT NULL, created INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS objects (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL,
    created INTEGER NOT NULL, due_at INTEGER, body TEXT NOT NULL,
    UNIQUE (account, kind, id)
);
CREATE INDEX IF NOT EXISTS objects_listed ON objects (account, kind, position);
CREATE INDEX IF NOT EXISTS objects_due ON objects (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS objects_of_customer ON objects (account, kind, json_extract(body, '$.customer'));
CREATE INDEX IF NOT EXISTS objects_of_subscription ON objects (account, kind, json_extract(body, '$.subscription'));
CREATE INDEX IF NOT EXISTS objects_of_product ON objects (account, kind, json_extract(body, '$.product'));
CREATE INDEX IF NOT EXISTS objects_by_email ON objects (account, kind, json_extract(body, '$.email'));
CREATE INDEX IF NOT EXISTS objects_by_lookup_key ON objects (account, kind, json_extract(body, '$.lookup_key'));
CREATE INDEX IF NOT EXISTS objects_by_id ON objects (id);
CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL, event TEXT NOT NULL, endpoint TEXT NOT NULL, created INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'pending', attempts INTEGER NOT NULL DEFAULT 0,
    due_at INTEGER, rank INTEGER NOT NULL DEFAULT 0, twist TEXT NOT NULL DEFAULT '{}',
    tried_at INTEGER, answer TEXT
);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (due_at, rank, id) WHERE state = 'pending';
CREATE INDEX IF NOT EXISTS deliveries_of_event ON deliveries (event);
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS accidents (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL, kind TEXT NOT NULL, times INTEGER NOT NULL, facts TEXT NOT NULL, created INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS happenings (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL, kind TEXT NOT NULL, facts TEXT NOT NULL, created INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS idempotent_requests (
    account TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, request_id TEXT NOT NULL,
    created INTEGER NOT NULL, status INTEGER, body TEXT, PRIMARY KEY (account, key)
);
CREATE TABLE IF NOT EXISTS portal_tokens (
    token_hash TEXT PRIMARY KEY, account TEXT NOT NULL, session TEXT NOT NULL, by_login INTEGER NOT NULL,
    created INTEGER NOT NULL, used_at INTEGER
);
CREATE TABLE IF NOT EXISTS login_attempts (
    id TEXT PRIMARY KEY, account TEXT NOT NULL, configuration TEXT NOT NULL, email TEXT NOT NULL, customer TEXT,
    passcode TEXT NOT NULL, tries INTEGER NOT NULL DEFAULT 0, created INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS mails (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    recipient TEXT NOT NULL, passcode TEXT NOT NULL, created INTEGER NOT NULL
);
"""

# Further indexes, each for one kind of object: name, kind, field.
INDEXES = [
    ("charges_of_payment", "charge", "payment_intent"),
    ("checkouts_of_payment", "checkout.session", "payment_intent"),
    ("checkouts_of_subscription", "checkout.session", "subscription"),
    ("events_about", "event", "data.object.id"),
    ("invoices_of_subscription", "invoice", "parent.subscription_details.subscription"),
    ("payments_by_intent", "invoice_payment", "payment.payment_intent"),
    ("payments_of_invoice", "invoice_payment", "invoice"),
]


def digest(secret: str) -> str:
    """What is kept of a key or token."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


class Store:
    """One file, one connection per thread."""

    def __init__(self, path: str | Path) -> None:
        self.path = str(path)
        self._local = threading.local()
        self.connection().executescript(TABLES)
        for name, kind, field in INDEXES:
            where = f"(account, json_extract(body, '$.{field}')) WHERE kind = '{kind}'"
            self.connection().execute(f"CREATE INDEX IF NOT EXISTS {name} ON objects {where}")

    def connection(self) -> sqlite3.Connection:
        """This thread's connection, in autocommit mode."""
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is None:
            found = sqlite3.connect(self.path, timeout=20, isolation_level=None)
            found.row_factory = sqlite3.Row
            found.execute("PRAGMA journal_mode = WAL")
            found.execute("PRAGMA synchronous = NORMAL")
            self._local.connection = found
        return found

    @contextmanager
    def transaction(self, *, write: bool = True) -> Iterator[sqlite3.Connection]:
        """Everything inside happens, or nothing. Writers take turns."""
        connection = self.connection()
        connection.execute("BEGIN IMMEDIATE" if write else "BEGIN DEFERRED")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def setting(self, name: str) -> str | None:
        """A setting of the whole sandbox, or None."""
        row = self.connection().execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return row["value"] if row else None

    def set_setting(self, name: str, value: str) -> None:
        """Keep a setting of the whole sandbox."""
        self.connection().execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, value))

    def account_of(self, key: str) -> str | None:
        """The account that this API key opened, if it was used before."""
        query = "SELECT id FROM accounts WHERE key_hash = ?"
        row = self.connection().execute(query, (digest(key),)).fetchone()
        return row["id"] if row else None

    def open_account(self, connection: sqlite3.Connection, key: str, now: int) -> tuple[str, bool]:
        """The account of this key, and whether it was just made."""
        id_ = ids.new_id("account")
        made = connection.execute(
            "INSERT INTO accounts VALUES (?, ?, ?, ?) ON CONFLICT (key_hash) DO NOTHING",
            (id_, digest(key), key[:8] + "…" + key[-4:], now),
        )
        if made.rowcount:
            return id_, True
        return connection.execute("SELECT id FROM accounts WHERE key_hash = ?", (digest(key),)).fetchone()["id"], False
