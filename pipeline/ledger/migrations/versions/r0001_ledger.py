"""The ledger: incidents, sightings, evidence, outbox."""

import sqlalchemy as sa
from alembic import op

from pipeline.ledger.tables import JsonColumn, SerialColumn, UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "incident",
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("subtype", sa.String(length=40), nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("review", sa.String(length=12), nullable=False),
        sa.Column("review_version", sa.Integer(), server_default="0", nullable=False),
        sa.Column("camera_id", sa.String(length=120), nullable=False),
        sa.Column("view_id", sa.String(length=120), nullable=False),
        sa.Column("zone_id", sa.String(length=120), nullable=False),
        sa.Column("lon", sa.Double(), nullable=True),
        sa.Column("lat", sa.Double(), nullable=True),
        sa.Column("sigma_major_m", sa.Double(), nullable=True),
        sa.Column("sigma_minor_m", sa.Double(), nullable=True),
        sa.Column("heading_deg", sa.Double(), nullable=True),
        sa.Column("grid_cell", sa.String(length=64), nullable=True),
        sa.Column("area_m2", sa.Double(), nullable=True),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("confirmed_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.Column("reasons", JsonColumn, nullable=False),
        sa.Column("measures", JsonColumn, nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("recurrence_of", sa.Uuid(), nullable=True),
        sa.Column("merged_into", sa.Uuid(), nullable=True),
        sa.Column("search_text", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("incident_id", name=op.f("pk_incident")),
    )
    op.create_index(
        "ix_incident_camera_id_started_at", "incident", ["camera_id", "started_at"], unique=False
    )
    op.create_index(
        "ix_incident_grid_cell_started_at", "incident", ["grid_cell", "started_at"], unique=False
    )
    op.create_index(
        "ix_incident_review_severity_started_at",
        "incident",
        ["review", "severity", "started_at"],
        unique=False,
    )
    op.create_index(
        "ix_incident_started_at_incident_id",
        "incident",
        ["started_at", "incident_id"],
        unique=False,
    )
    op.create_index("ix_incident_state_type", "incident", ["state", "type"], unique=False)
    op.create_index("ix_incident_type_updated_at", "incident", ["type", "updated_at"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("outbox_id", SerialColumn, nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("fields", JsonColumn, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("published_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("outbox_id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("event_id", name=op.f("uq_outbox_event_id")),
    )
    op.create_index(op.f("ix_outbox_incident_id"), "outbox", ["incident_id"], unique=False)
    op.create_index(
        "ix_outbox_pending",
        "outbox",
        ["outbox_id"],
        unique=False,
        sqlite_where=sa.text("published_at IS NULL"),
        postgresql_where=sa.text("published_at IS NULL"),
    )
    op.create_index("ix_outbox_published_at", "outbox", ["published_at"], unique=False)
    op.create_table(
        "sighting_message",
        sa.Column("sighting_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("phase", sa.String(length=12), nullable=False),
        sa.Column("observed_at", UtcDateTime(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.Column("xyxy_norm", JsonColumn, nullable=False),
        sa.Column("measures", JsonColumn, nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("sighting_id", "sequence", name=op.f("pk_sighting_message")),
    )
    op.create_table(
        "sighting",
        sa.Column("sighting_id", sa.Uuid(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("phase", sa.String(length=12), nullable=False),
        sa.Column("camera_id", sa.String(length=120), nullable=False),
        sa.Column("view_id", sa.String(length=120), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("observed_at", UtcDateTime(), nullable=False),
        sa.Column("body", JsonColumn, nullable=False),
        sa.Column("place", JsonColumn, nullable=True),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incident.incident_id"], name=op.f("fk_sighting_incident_id")
        ),
        sa.PrimaryKeyConstraint("sighting_id", name=op.f("pk_sighting")),
    )
    op.create_index(op.f("ix_sighting_incident_id"), "sighting", ["incident_id"], unique=False)
    op.create_index("ix_sighting_open", "sighting", ["camera_id", "view_id", "phase"], unique=False)
    op.create_index(
        "ix_sighting_seen", "sighting", ["camera_id", "view_id", "observed_at"], unique=False
    )
    op.create_table(
        "evidence",
        sa.Column("evidence_id", SerialColumn, nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("sighting_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("path", sa.String(length=400), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.String(length=80), nullable=False),
        sa.Column("start_s", sa.Double(), nullable=True),
        sa.Column("removed_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incident.incident_id"], name=op.f("fk_evidence_incident_id")
        ),
        sa.ForeignKeyConstraint(
            ["sighting_id"], ["sighting.sighting_id"], name=op.f("fk_evidence_sighting_id")
        ),
        sa.PrimaryKeyConstraint("evidence_id", name=op.f("pk_evidence")),
        sa.UniqueConstraint("path", name=op.f("uq_evidence_path")),
    )
    op.create_index(op.f("ix_evidence_incident_id"), "evidence", ["incident_id"], unique=False)
    op.create_index(op.f("ix_evidence_sighting_id"), "evidence", ["sighting_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_evidence_sighting_id"), table_name="evidence")
    op.drop_index(op.f("ix_evidence_incident_id"), table_name="evidence")
    op.drop_table("evidence")
    op.drop_index("ix_sighting_seen", table_name="sighting")
    op.drop_index("ix_sighting_open", table_name="sighting")
    op.drop_index(op.f("ix_sighting_incident_id"), table_name="sighting")
    op.drop_table("sighting")
    op.drop_table("sighting_message")
    op.drop_index("ix_outbox_published_at", table_name="outbox")
    op.drop_index(
        "ix_outbox_pending",
        table_name="outbox",
        sqlite_where=sa.text("published_at IS NULL"),
        postgresql_where=sa.text("published_at IS NULL"),
    )
    op.drop_index(op.f("ix_outbox_incident_id"), table_name="outbox")
    op.drop_table("outbox")
    op.drop_index("ix_incident_type_updated_at", table_name="incident")
    op.drop_index("ix_incident_state_type", table_name="incident")
    op.drop_index("ix_incident_started_at_incident_id", table_name="incident")
    op.drop_index("ix_incident_review_severity_started_at", table_name="incident")
    op.drop_index("ix_incident_grid_cell_started_at", table_name="incident")
    op.drop_index("ix_incident_camera_id_started_at", table_name="incident")
    op.drop_table("incident")
