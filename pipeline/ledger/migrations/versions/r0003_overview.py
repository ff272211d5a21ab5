"""A narrow index that answers lists and statistics by itself, and one of comments."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_NAME = "ix_incident_overview"
_WORDS = "ix_incident_review_with_words"


def upgrade() -> None:
    op.create_index(
        _NAME,
        "incident",
        [
            "started_at",
            "incident_id",
            "merged_into",
            "type",
            "review",
            "state",
            "severity",
            "camera_id",
            "zone_id",
            "grid_cell",
            "lon",
            "lat",
        ],
    )
    has_words = sa.text("comments <> ''")
    op.create_index(
        _WORDS,
        "incident_review",
        ["incident_id"],
        sqlite_where=has_words,
        postgresql_where=has_words,
    )


def downgrade() -> None:
    op.drop_index(_WORDS, "incident_review")
    op.drop_index(_NAME, "incident")
