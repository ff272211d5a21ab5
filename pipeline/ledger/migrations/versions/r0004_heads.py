"""Heads in hand, and what a camera's wrong presets are."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "head_hold",
        sa.Column("camera_id", sa.String(length=64), nullable=False),
        sa.Column("held_by", sa.String(length=64), nullable=False),
        sa.Column("until", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("camera_id", name=op.f("pk_head_hold")),
    )
    with op.batch_alter_table("camera_status") as table:
        table.add_column(
            sa.Column("is_touring", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
        table.add_column(sa.Column("faults", sa.JSON()))


def downgrade() -> None:
    with op.batch_alter_table("camera_status") as table:
        table.drop_column("faults")
        table.drop_column("is_touring")
    op.drop_table("head_hold")
