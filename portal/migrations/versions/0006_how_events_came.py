"""how events came: whether an event was fetched from Stripe's list, or came by itself."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. How the events came that are there is not known; they count as delivered."""
    op.add_column("stripe_events", sa.Column("is_fetched", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    """Undo."""
    op.drop_column("stripe_events", "is_fetched")
