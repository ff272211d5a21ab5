"""What the patrol writes of its cameras: a row each, and changes in the feed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from pipeline.ledger.database import migrate, open_engine, sqlite_url
from pipeline.status import CameraCard, CameraStatus, StatusWriter, cameras, feed


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[sa.Engine]:
    opened = open_engine(sqlite_url(tmp_path / "ledger.db"))
    migrate(opened)
    yield opened
    opened.dispose()


def told(engine: sa.Engine) -> list[tuple[str, str]]:
    with engine.connect() as connection:
        rows = connection.execute(sa.select(feed.c.subject, feed.c.body).order_by(feed.c.id))
        return [(row.subject, row.body["state"]) for row in rows]


def test_all_are_written_at_once_and_only_changes_are_told(engine: sa.Engine) -> None:
    writer = StatusWriter(engine, clock=lambda: 1_000.0)
    writer.register([CameraCard("a"), CameraCard("b")])
    commits: list[object] = []
    sa.event.listen(engine, "commit", commits.append)
    first = [CameraStatus("a", "up"), CameraStatus("b", "down", "no packet", since=900.0)]
    writer.write(first)
    assert len(commits) == 1
    with engine.connect() as connection:
        rows = {row.camera_id: row for row in connection.execute(sa.select(cameras))}
    assert (rows["a"].state, rows["a"].since) == ("up", 1_000.0)
    assert (rows["b"].state, rows["b"].reason, rows["b"].since) == ("down", "no packet", 900.0)
    assert told(engine) == [("a", "up"), ("b", "down")]
    writer.write([CameraStatus("a", "up", glances_per_s=0.5), CameraStatus("b", "up")])
    assert told(engine) == [("a", "up"), ("b", "down"), ("b", "up")]


def test_cameras_that_are_not_registered_are_ignored(engine: sa.Engine) -> None:
    writer = StatusWriter(engine)
    writer.register([CameraCard("a")])
    writer.write([CameraStatus("a", "up"), CameraStatus("ghost", "down")])
    writer.write([])
    assert told(engine) == [("a", "up")]
