"""customer search: three-letter indexes on name, company and address

Revision ID: 0002
Revises: 0001

SQLite: a contentless FTS5 table kept by triggers; its rowid is vendor_id * 2^32 + (2^32 - 1 - id), so that a search
stays within one vendor and finds the newest first (FTS5 reads forward far quicker than backward). PostgreSQL: a GIN index on an array of three-letter pieces and the vendor; no extension
is needed. Both index the same words: two marks stand before each word, so that its beginning can be searched too.
A later migration that rebuilds `customers` in batch mode on SQLite must make the triggers again.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ROW = "({row}.vendor_id << 32) + 4294967295 - {row}.id"
WORDS = "char(1,1) || replace({row}.name || ' ' || {row}.company_name || ' ' || {row}.email, ' ', char(1,1))"
INSERT = f"INSERT INTO customer_search(rowid, words) VALUES ({ROW}, {WORDS});"
DELETE = f"INSERT INTO customer_search(customer_search, rowid, words) VALUES ('delete', {ROW}, {WORDS});"
SEARCHED = "name, company_name, email, vendor_id, id"

SQLITE = (
    "CREATE VIRTUAL TABLE customer_search USING fts5(words, content='', tokenize='trigram')",
    f"CREATE TRIGGER customer_search_insert AFTER INSERT ON customers BEGIN {INSERT.format(row='new')} END",
    f"CREATE TRIGGER customer_search_delete AFTER DELETE ON customers BEGIN {DELETE.format(row='old')} END",
    f"CREATE TRIGGER customer_search_update AFTER UPDATE OF {SEARCHED} ON customers "
    f"BEGIN {DELETE.format(row='old')} {INSERT.format(row='new')} END",
    f"INSERT INTO customer_search(rowid, words) SELECT {ROW.format(row='customers')}, {WORDS.format(row='customers')} "
    "FROM customers ORDER BY 1",
)
SQLITE_DOWN = (
    "DROP TRIGGER customer_search_insert",
    "DROP TRIGGER customer_search_delete",
    "DROP TRIGGER customer_search_update",
    "DROP TABLE customer_search",
)
POSTGRESQL = (
    r"""CREATE FUNCTION customer_words(name text, company_name text, email text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT E'\x01\x01' || replace(lower(name || ' ' || company_name || ' ' || email), ' ', E'\x01\x01') $$""",
    """CREATE FUNCTION search_pieces(vendor_id integer, words text) RETURNS text[]
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 1000
    AS $$ BEGIN
      RETURN ARRAY(SELECT substr(words, at, 3) FROM generate_series(1, length(words) - 2) AS at)
        || ('vendor:' || vendor_id);
    END $$""",
    "CREATE INDEX ix_customers_search ON customers "
    "USING gin (search_pieces(vendor_id, customer_words(name, company_name, email)))",
)
POSTGRESQL_DOWN = (
    "DROP INDEX ix_customers_search",
    "DROP FUNCTION search_pieces(integer, text)",
    "DROP FUNCTION customer_words(text, text, text)",
)


def upgrade() -> None:
    _run(SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL)


def downgrade() -> None:
    _run(SQLITE_DOWN if op.get_bind().dialect.name == "sqlite" else POSTGRESQL_DOWN)


def _run(statements: tuple[str, ...]) -> None:
    for statement in statements:
        op.get_bind().exec_driver_sql(statement)
