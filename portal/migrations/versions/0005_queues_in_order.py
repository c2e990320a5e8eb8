"""queues in order: the next item and the next event are found in their index, however many wait."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

INDEXES = {"outbox": "ix_outbox_due", "stripe_events": "ix_stripe_events_due"}


def upgrade() -> None:
    """Apply."""
    _index_by(["state", "available_at", "id"])


def downgrade() -> None:
    """Undo."""
    _index_by(["state", "available_at"])


def _index_by(columns: list[str]) -> None:
    for table, name in INDEXES.items():
        op.drop_index(name, table_name=table)
        op.create_index(name, table, columns)
