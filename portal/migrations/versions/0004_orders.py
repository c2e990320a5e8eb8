"""orders: plans, what customers decided to buy, and what the comparison with Stripe found."""

import sqlalchemy as sa
from alembic import op

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table('findings',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('vendor_id', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(length=30), nullable=False),
    sa.Column('subject', sa.String(length=255), nullable=False),
    sa.Column('customer_id', sa.Integer(), nullable=True),
    sa.Column('license_global_id', sa.Integer(), nullable=True),
    sa.Column('amount_minor', sa.BigInteger(), nullable=True),
    sa.Column('currency', sa.String(length=3), nullable=False),
    sa.Column('evidence', sa.Text(), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('outcome', sa.Text(), nullable=False),
    sa.Column('since', sa.DateTime(timezone=True), nullable=False),
    sa.Column('found_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('told_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('closed_by', sa.String(length=120), nullable=False),
    sa.ForeignKeyConstraint(['vendor_id'], ['vendors.id'], name=op.f('fk_findings_vendor_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_findings'))
    )
    with op.batch_alter_table('findings', schema=None) as batch_op:
        batch_op.create_index('ix_findings_state', ['vendor_id', 'state', 'kind'], unique=False)
        batch_op.create_index('uq_findings_open', ['vendor_id', 'kind', 'subject'], unique=True, sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'"))

    op.create_table('plans',
    sa.Column('vendor_id', sa.Integer(), nullable=False),
    sa.Column('price_id', sa.String(length=255), nullable=False),
    sa.Column('livemode', sa.Boolean(), nullable=False),
    sa.Column('stripe_product_id', sa.String(length=255), nullable=False),
    sa.Column('product_id', sa.Integer(), nullable=True),
    sa.Column('name', sa.String(length=500), nullable=False),
    sa.Column('nickname', sa.String(length=500), nullable=False),
    sa.Column('description', sa.Text(), nullable=False),
    sa.Column('unit_label', sa.String(length=60), nullable=False),
    sa.Column('amount_minor', sa.BigInteger(), nullable=True),
    sa.Column('currency', sa.String(length=3), nullable=False),
    sa.Column('interval', sa.String(length=10), nullable=False),
    sa.Column('interval_count', sa.Integer(), nullable=False),
    sa.Column('trial_days', sa.Integer(), nullable=False),
    sa.Column('skm', sa.Text(), nullable=False),
    sa.Column('problem', sa.String(length=20), nullable=False),
    sa.Column('fetched_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['vendor_id'], ['vendors.id'], name=op.f('fk_plans_vendor_id')),
    sa.PrimaryKeyConstraint('vendor_id', 'price_id', name=op.f('pk_plans'))
    )
    op.create_table('orders',
    sa.Column('vendor_id', sa.Integer(), nullable=False),
    sa.Column('id', sa.String(length=40), nullable=False),
    sa.Column('customer_id', sa.Integer(), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=True),
    sa.Column('price_id', sa.String(length=255), nullable=False),
    sa.Column('mode', sa.String(length=12), nullable=False),
    sa.Column('quantity', sa.Integer(), nullable=False),
    sa.Column('livemode', sa.Boolean(), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('attempt', sa.Integer(), nullable=False),
    sa.Column('session_id', sa.String(length=255), nullable=False),
    sa.Column('session_url', sa.Text(), nullable=False),
    sa.Column('stripe_id', sa.String(length=255), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('checked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_orders_user_id')),
    sa.ForeignKeyConstraint(['vendor_id', 'customer_id'], ['customers.vendor_id', 'customers.id'], name=op.f('fk_orders_vendor_id_customer_id')),
    sa.ForeignKeyConstraint(['vendor_id'], ['vendors.id'], name=op.f('fk_orders_vendor_id')),
    sa.PrimaryKeyConstraint('vendor_id', 'id', name=op.f('pk_orders'))
    )
    with op.batch_alter_table('orders', schema=None) as batch_op:
        batch_op.create_index('ix_orders_purchase', ['vendor_id', 'stripe_id'], unique=False)
        batch_op.create_index('ix_orders_session', ['vendor_id', 'session_id'], unique=False)
        batch_op.create_index('ix_orders_state', ['state', 'created_at'], unique=False)
        batch_op.create_index('uq_orders_open', ['vendor_id', 'customer_id', 'price_id'], unique=True, sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'"))

    with op.batch_alter_table('stripe_accounts', schema=None) as batch_op:
        batch_op.add_column(sa.Column('endpoint_id', sa.String(length=255), server_default='', nullable=False))
        batch_op.add_column(sa.Column('health', sa.Text(), server_default='', nullable=False))
        batch_op.add_column(sa.Column('checked_at', sa.DateTime(timezone=True), nullable=True))

    with op.batch_alter_table('stripe_events', schema=None) as batch_op:
        batch_op.create_index('ix_stripe_events_vendor', ['vendor_id', 'id'], unique=False)


def downgrade() -> None:
    """Undo."""
    with op.batch_alter_table('stripe_events', schema=None) as batch_op:
        batch_op.drop_index('ix_stripe_events_vendor')

    with op.batch_alter_table('stripe_accounts', schema=None) as batch_op:
        batch_op.drop_column('checked_at')
        batch_op.drop_column('health')
        batch_op.drop_column('endpoint_id')

    with op.batch_alter_table('orders', schema=None) as batch_op:
        batch_op.drop_index('uq_orders_open', sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'"))
        batch_op.drop_index('ix_orders_state')
        batch_op.drop_index('ix_orders_session')
        batch_op.drop_index('ix_orders_purchase')

    op.drop_table('orders')
    op.drop_table('plans')
    with op.batch_alter_table('findings', schema=None) as batch_op:
        batch_op.drop_index('uq_findings_open', sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'"))
        batch_op.drop_index('ix_findings_state')

    op.drop_table('findings')
