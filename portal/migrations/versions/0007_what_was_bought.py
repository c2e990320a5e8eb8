"""what was bought: who paid, and which prices, for the people who decide about a payment."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    with op.batch_alter_table("purchases", schema=None) as batch_op:
        batch_op.add_column(sa.Column("name", sa.String(length=256), server_default="", nullable=False))
        batch_op.add_column(sa.Column("bought", sa.Text(), server_default="", nullable=False))


def downgrade() -> None:
    """Undo."""
    with op.batch_alter_table("purchases", schema=None) as batch_op:
        batch_op.drop_column("bought")
        batch_op.drop_column("name")
