"""Tables of the review server: people, sessions, tokens, audit, and what operators did."""

from __future__ import annotations

import sqlalchemy as sa

from pipeline.ledger.tables import Base

metadata = Base.metadata
"""Times are Unix seconds. The revision that makes these tables is in pipeline/ledger/migrations."""

users = sa.Table(
    "users",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("username", sa.String(64), nullable=False, unique=True),
    sa.Column("display_name", sa.String(100), nullable=False, server_default=""),
    sa.Column("password_hash", sa.String(200)),
    sa.Column("oidc_subject", sa.String(255), unique=True),
    sa.Column("role", sa.String(20), nullable=False),
    sa.Column("areas", sa.JSON, nullable=False),
    sa.Column("language", sa.String(5)),
    sa.Column("disabled", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("created_at", sa.Float, nullable=False),
)

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("fingerprint", sa.String(64), primary_key=True),
    sa.Column("user_id", sa.ForeignKey("users.id"), nullable=False, index=True),
    sa.Column("csrf", sa.String(64), nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("seen_at", sa.Float, nullable=False),
    sa.Column("expires_at", sa.Float, nullable=False),
    sa.Column("client", sa.String(64), nullable=False),
)

api_tokens = sa.Table(
    "api_tokens",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("fingerprint", sa.String(64), nullable=False, unique=True),
    sa.Column("user_id", sa.ForeignKey("users.id"), nullable=False, index=True),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("scopes", sa.JSON, nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("expires_at", sa.Float, nullable=False),
    sa.Column("revoked", sa.Boolean, nullable=False, server_default=sa.false()),
)

one_time_links = sa.Table(
    "one_time_links",
    metadata,
    sa.Column("fingerprint", sa.String(64), primary_key=True),
    sa.Column("user_id", sa.ForeignKey("users.id")),
    sa.Column("expires_at", sa.Float, nullable=False),
    sa.Column("used_at", sa.Float),
)
"""Lets a password be set: a user's, or the first administrator's when user_id is null."""

audit = sa.Table(
    "audit_log",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", sa.Float, nullable=False, index=True),
    sa.Column("actor", sa.String(64), nullable=False, index=True),
    sa.Column("action", sa.String(64), nullable=False, index=True),
    sa.Column("subject", sa.String(200), nullable=False, index=True),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("client", sa.String(64), nullable=False),
    sa.Column("previous", sa.String(64), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
)

audit_head = sa.Table(
    "audit_head",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("seq", sa.Integer, nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
)
"""One row, updated first in every append: the lock that keeps the chain a chain."""

idempotency = sa.Table(
    "idempotency_keys",
    metadata,
    sa.Column("user_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("key", sa.String(100), primary_key=True),
    sa.Column("request", sa.String(64), nullable=False),
    sa.Column("answer", sa.JSON, nullable=False),
    sa.Column("at", sa.Float, nullable=False, index=True),
)

saved_filters = sa.Table(
    "saved_filters",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("user_id", sa.ForeignKey("users.id"), nullable=False, index=True),
    sa.Column("name", sa.String(60), nullable=False),
    sa.Column("query", sa.JSON, nullable=False),
    sa.UniqueConstraint("user_id", "name"),
)

review_actions = sa.Table(
    "review_action",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("incident_id", sa.ForeignKey("incident.incident_id"), nullable=False, index=True),
    sa.Column("at", sa.Float, nullable=False, index=True),
    sa.Column("username", sa.String(64), nullable=False),
    sa.Column("action", sa.String(20), nullable=False),
    sa.Column("reason", sa.String(40)),
    sa.Column("comment", sa.Text, nullable=False, server_default=""),
    sa.Column("detail", sa.JSON, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
)
"""What operators did to incidents, in order; never changed."""

incident_review = sa.Table(
    "incident_review",
    metadata,
    sa.Column("incident_id", sa.ForeignKey("incident.incident_id"), primary_key=True),
    sa.Column("assigned_to", sa.String(64), index=True),
    sa.Column("decided_by", sa.String(64)),
    sa.Column("decided_at", sa.Float, index=True),
    sa.Column("reason", sa.String(40)),
    sa.Column("comments", sa.Text, nullable=False, server_default=""),
    sa.Index(
        "ix_incident_review_with_words",
        "incident_id",
        sqlite_where=sa.text("comments <> ''"),
        postgresql_where=sa.text("comments <> ''"),
    ),
)
"""Where the review of an incident stands; a row appears with the first action."""
