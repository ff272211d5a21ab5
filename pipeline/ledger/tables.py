"""The ledger's tables. Other folders add their own to the same `Base`, with a migration each."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

JsonColumn = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
SerialColumn = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite counts only INTEGER PRIMARY KEY by itself."""


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC time in and out; SQLite, which keeps no zone, stores UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"time must be aware, got {value!r}")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """All tables of one SkyGrid database."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it from the class as it is
        datetime: UtcDateTime,
        dict[str, Any]: JsonColumn,
        list[Any]: JsonColumn,
    }


class IncidentRow(Base):
    """One incident; columns mirror `pipeline.ledger.types.Incident`.

    `review_version` grows with verdicts only, so that a sighting's update never refuses an
    operator's verdict. `search_text` is lower case, for substring search.
    """

    __tablename__ = "incident"

    incident_id: Mapped[UUID] = mapped_column(primary_key=True)
    type: Mapped[str] = mapped_column(String(40))
    subtype: Mapped[str | None] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(12))
    review: Mapped[str] = mapped_column(String(12))
    review_version: Mapped[int] = mapped_column(default=0, server_default="0")
    camera_id: Mapped[str] = mapped_column(String(120))
    view_id: Mapped[str] = mapped_column(String(120))
    zone_id: Mapped[str] = mapped_column(String(120))
    lon: Mapped[float | None]
    lat: Mapped[float | None]
    sigma_major_m: Mapped[float | None]
    sigma_minor_m: Mapped[float | None]
    heading_deg: Mapped[float | None]
    grid_cell: Mapped[str | None] = mapped_column(String(64))
    area_m2: Mapped[float | None]
    started_at: Mapped[datetime]
    confirmed_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    confidence: Mapped[float]
    severity: Mapped[int]
    reasons: Mapped[list[Any]]
    measures: Mapped[dict[str, Any]]
    model: Mapped[str] = mapped_column(String(200))
    sequence: Mapped[int]
    recurrence_of: Mapped[UUID | None]
    merged_into: Mapped[UUID | None]
    search_text: Mapped[str] = mapped_column(Text, default="", server_default="")

    __table_args__ = (
        Index("ix_incident_started_at_incident_id", "started_at", "incident_id"),
        Index("ix_incident_review_severity_started_at", "review", "severity", "started_at"),
        Index("ix_incident_type_updated_at", "type", "updated_at"),
        Index("ix_incident_camera_id_started_at", "camera_id", "started_at"),
        Index("ix_incident_grid_cell_started_at", "grid_cell", "started_at"),
        Index("ix_incident_state_type", "state", "type"),
        Index(  # answers the lists and the statistics of the pages without the rows
            "ix_incident_overview",
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
        ),
    )


class SightingRow(Base):
    """The newest message of one sighting."""

    __tablename__ = "sighting"

    sighting_id: Mapped[UUID] = mapped_column(primary_key=True)
    incident_id: Mapped[UUID] = mapped_column(ForeignKey("incident.incident_id"), index=True)
    sequence: Mapped[int]
    phase: Mapped[str] = mapped_column(String(12))
    camera_id: Mapped[str] = mapped_column(String(120))
    view_id: Mapped[str] = mapped_column(String(120))
    type: Mapped[str] = mapped_column(String(40))
    started_at: Mapped[datetime]
    observed_at: Mapped[datetime]
    body: Mapped[dict[str, Any]]
    place: Mapped[dict[str, Any] | None] = mapped_column(JsonColumn)

    __table_args__ = (
        Index("ix_sighting_open", "camera_id", "view_id", "phase"),
        Index("ix_sighting_seen", "camera_id", "view_id", "observed_at"),
    )


class SightingMessageRow(Base):
    """Every message of a sighting once, late ones too: the key is what makes re-sends harmless."""

    __tablename__ = "sighting_message"

    sighting_id: Mapped[UUID] = mapped_column(primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True)
    phase: Mapped[str] = mapped_column(String(12))
    observed_at: Mapped[datetime]
    confidence: Mapped[float]
    severity: Mapped[int]
    xyxy_norm: Mapped[list[Any]]
    measures: Mapped[dict[str, Any]]
    recorded_at: Mapped[datetime]


class EvidenceRow(Base):
    """One file of evidence; `removed_at` is set when retention took the file."""

    __tablename__ = "evidence"

    evidence_id: Mapped[int] = mapped_column(SerialColumn, primary_key=True)
    incident_id: Mapped[UUID] = mapped_column(ForeignKey("incident.incident_id"), index=True)
    sighting_id: Mapped[UUID] = mapped_column(ForeignKey("sighting.sighting_id"), index=True)
    kind: Mapped[str] = mapped_column(String(24))
    path: Mapped[str] = mapped_column(String(400), unique=True)
    sha256: Mapped[str] = mapped_column(String(64))
    bytes: Mapped[int] = mapped_column(BigInteger)
    media_type: Mapped[str] = mapped_column(String(80))
    start_s: Mapped[float | None]
    removed_at: Mapped[datetime | None]


class OutboxRow(Base):
    """One event to publish, written with the change that caused it."""

    __tablename__ = "outbox"

    outbox_id: Mapped[int] = mapped_column(SerialColumn, primary_key=True)
    event_id: Mapped[UUID] = mapped_column(unique=True)
    incident_id: Mapped[UUID] = mapped_column(index=True)
    fields: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    published_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "ix_outbox_pending",
            "outbox_id",
            sqlite_where=text("published_at IS NULL"),
            postgresql_where=text("published_at IS NULL"),
        ),
        Index("ix_outbox_published_at", "published_at"),
    )
