"""purchases: the inbox of Stripe's events, what was bought, and which license each paid unit became."""

import sqlalchemy as sa
from alembic import op

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table('stripe_events',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('vendor_id', sa.Integer(), nullable=False),
    sa.Column('event_id', sa.String(length=255), nullable=False),
    sa.Column('sha256', sa.String(length=64), nullable=False),
    sa.Column('raw', sa.Text(), nullable=False),
    sa.Column('type', sa.String(length=120), nullable=False),
    sa.Column('object_id', sa.String(length=255), nullable=False),
    sa.Column('subject', sa.String(length=255), nullable=False),
    sa.Column('livemode', sa.Boolean(), nullable=True),
    sa.Column('account', sa.String(length=60), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('received_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('fence', sa.Integer(), nullable=False),
    sa.Column('last_error', sa.Text(), nullable=False),
    sa.Column('available_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('lease_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('done_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['vendor_id'], ['vendors.id'], name=op.f('fk_stripe_events_vendor_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_stripe_events')),
    sa.UniqueConstraint('vendor_id', 'event_id', 'sha256', name='uq_stripe_events_event_id')
    )
    with op.batch_alter_table('stripe_events', schema=None) as batch_op:
        batch_op.create_index('ix_stripe_events_due', ['state', 'available_at'], unique=False)
        batch_op.create_index('ix_stripe_events_subject', ['vendor_id', 'subject', 'state'], unique=False)

    op.create_table('purchases',
    sa.Column('vendor_id', sa.Integer(), nullable=False),
    sa.Column('stripe_id', sa.String(length=255), nullable=False),
    sa.Column('livemode', sa.Boolean(), nullable=False),
    sa.Column('stripe_customer_id', sa.String(length=60), nullable=False),
    sa.Column('customer_id', sa.Integer(), nullable=True),
    sa.Column('status', sa.String(length=30), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('reason', sa.String(length=30), nullable=False),
    sa.Column('notice', sa.Text(), nullable=False),
    sa.Column('email', sa.String(length=512), nullable=False),
    sa.Column('amount_minor', sa.BigInteger(), nullable=True),
    sa.Column('currency', sa.String(length=3), nullable=False),
    sa.Column('first_seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('fetched_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('written_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['vendor_id', 'customer_id'], ['customers.vendor_id', 'customers.id'], name=op.f('fk_purchases_vendor_id_customer_id')),
    sa.ForeignKeyConstraint(['vendor_id'], ['vendors.id'], name=op.f('fk_purchases_vendor_id')),
    sa.PrimaryKeyConstraint('vendor_id', 'stripe_id', name=op.f('pk_purchases'))
    )
    with op.batch_alter_table('purchases', schema=None) as batch_op:
        batch_op.create_index('ix_purchases_customer', ['vendor_id', 'customer_id'], unique=False)
        batch_op.create_index('ix_purchases_state', ['vendor_id', 'state'], unique=False)

    op.create_table('paid_units',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('vendor_id', sa.Integer(), nullable=False),
    sa.Column('stripe_id', sa.String(length=255), nullable=False),
    sa.Column('source', sa.String(length=255), nullable=False),
    sa.Column('ordinal', sa.Integer(), nullable=False),
    sa.Column('generation', sa.Integer(), nullable=False),
    sa.Column('price_id', sa.String(length=60), nullable=False),
    sa.Column('license_global_id', sa.Integer(), nullable=False),
    sa.Column('paid_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('blocked_because', sa.String(length=10), nullable=False),
    sa.Column('is_adopted', sa.Boolean(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['vendor_id', 'license_global_id'], ['licenses.vendor_id', 'licenses.global_id'], name=op.f('fk_paid_units_vendor_id_license_global_id')),
    sa.ForeignKeyConstraint(['vendor_id', 'stripe_id'], ['purchases.vendor_id', 'purchases.stripe_id'], name=op.f('fk_paid_units_vendor_id_stripe_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_paid_units')),
    sa.UniqueConstraint('vendor_id', 'source', 'ordinal', name='uq_paid_units_source')
    )
    with op.batch_alter_table('paid_units', schema=None) as batch_op:
        batch_op.create_index('ix_paid_units_license', ['vendor_id', 'license_global_id'], unique=False)
        batch_op.create_index('ix_paid_units_paid_until', ['paid_until'], unique=False)
        batch_op.create_index('ix_paid_units_purchase', ['vendor_id', 'stripe_id'], unique=False)

    with op.batch_alter_table('stripe_accounts', schema=None) as batch_op:
        batch_op.add_column(sa.Column('key_seed', sa.Text(), nullable=False, server_default=''))
        batch_op.add_column(sa.Column('instance', sa.String(length=32), nullable=False, server_default=''))
        batch_op.add_column(sa.Column('events_until', sa.DateTime(timezone=True), nullable=True))



def downgrade() -> None:
    """Undo."""
    with op.batch_alter_table('stripe_accounts', schema=None) as batch_op:
        batch_op.drop_column('events_until')
        batch_op.drop_column('instance')
        batch_op.drop_column('key_seed')

    with op.batch_alter_table('paid_units', schema=None) as batch_op:
        batch_op.drop_index('ix_paid_units_purchase')
        batch_op.drop_index('ix_paid_units_paid_until')
        batch_op.drop_index('ix_paid_units_license')

    op.drop_table('paid_units')
    with op.batch_alter_table('purchases', schema=None) as batch_op:
        batch_op.drop_index('ix_purchases_state')
        batch_op.drop_index('ix_purchases_customer')

    op.drop_table('purchases')
    with op.batch_alter_table('stripe_events', schema=None) as batch_op:
        batch_op.drop_index('ix_stripe_events_subject')
        batch_op.drop_index('ix_stripe_events_due')

    op.drop_table('stripe_events')
