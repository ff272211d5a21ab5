"""What the running patrol tells people about its cameras: one row each, and a feed of changes.

The engine registers its cameras at the start and writes a status now and then; the review server
reads. No video code is imported here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from pipeline.ledger.database import writing
from pipeline.ledger.tables import Base
from pipeline.types import ViewKey

cameras = sa.Table(
    "camera_status",
    Base.metadata,
    sa.Column("camera_id", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(200), nullable=False, server_default=""),
    sa.Column("views", sa.JSON, nullable=False),
    sa.Column("lon", sa.Float),
    sa.Column("lat", sa.Float),
    sa.Column("heading_deg", sa.Float),
    sa.Column("fov_deg", sa.Float),
    sa.Column("range_m", sa.Float),
    sa.Column("grid_cell", sa.String(64)),
    sa.Column("footprint", sa.JSON),
    sa.Column("state", sa.String(32), nullable=False, server_default="unknown"),
    sa.Column("reason", sa.String(500), nullable=False, server_default=""),
    sa.Column("since", sa.Float),
    sa.Column("glances_per_s", sa.Float, nullable=False, server_default="0"),
    sa.Column("measures", sa.JSON, nullable=False),
    sa.Column("is_touring", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("faults", sa.JSON),
    sa.Column("updated_at", sa.Float, nullable=False),
)
"""Times are Unix seconds, as everywhere in this module."""

feed = sa.Table(
    "live_feed",
    Base.metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("kind", sa.String(40), nullable=False),
    sa.Column("subject", sa.String(200), nullable=False),
    sa.Column("grid_cell", sa.String(64)),
    sa.Column("body", sa.JSON, nullable=False),
    sqlite_autoincrement=True,
)
"""Changes that open pages hear about; the newest `FEED_KEEP` are kept."""

FEED_KEEP = 10_000


@dataclass(frozen=True, slots=True)
class CameraCard:
    """What does not change about a camera while the patrol runs.

    Attributes:
        camera_id: Id from the site file.
        name: What people call it.
        views: Ids of its views.
        lon: WGS-84 degrees of the camera, None when unknown; `lat` likewise.
        heading_deg: Middle of its field of view, clockwise from north.
        fov_deg: Width of its field of view.
        range_m: How far it sees, for the map.
        grid_cell: Code of the cell it stands in; decides who may see it.
        footprint: Ground polygon of what it sees, (lon, lat) points; beats heading and range.
        is_touring: An eagle-eye, whose head can be taken by hand.
    """

    camera_id: str
    name: str = ""
    views: tuple[str, ...] = ("main",)
    lon: float | None = None
    lat: float | None = None
    heading_deg: float | None = None
    fov_deg: float | None = None
    range_m: float | None = None
    grid_cell: str | None = None
    footprint: tuple[tuple[float, float], ...] | None = None
    is_touring: bool = False


@dataclass(frozen=True, slots=True)
class PresetFault:
    """A preset that is not as it should be now.

    Attributes:
        view_id: View that the preset should show.
        kind: "wrong_view", "lost_preset", "never_still", "head_silent", "head_refused".
        detail: In words.
        instead: View that is seen instead, None if unknown.
        since: Unix seconds.
        has_pictures: What should be seen and what was seen lie with the stills.
    """

    view_id: str
    kind: str
    detail: str
    instead: str | None
    since: float
    has_pictures: bool


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """How one camera is.

    Attributes:
        camera_id: A registered camera.
        state: "up", "degraded", "down", "starting", …
        reason: Why, in words for an operator; without credentials.
        since: Unix seconds from which this state holds, now when None.
        glances_per_s: Looks at keyframes per second over the last minute.
        faults: Presets that are not as they should be.
        measures: Other numbers worth showing, e.g. `{"delay_s": 0.3}`.
    """

    camera_id: str
    state: str
    reason: str = ""
    since: float | None = None
    glances_per_s: float = 0.0
    faults: Sequence[PresetFault] = ()
    measures: Mapping[str, float] = field(default_factory=dict)


def append_feed(
    connection: Session,
    kind: str,
    subject: str,
    body: dict[str, Any],
    at: float,
    grid_cell: str | None = None,
) -> None:
    """Add one change to the feed, in the caller's transaction."""
    row = {"at": at, "kind": kind, "subject": subject, "grid_cell": grid_cell, "body": body}
    number = connection.execute(feed.insert().values(row).returning(feed.c.id)).scalar_one()
    if number % 500 == 0:
        connection.execute(feed.delete().where(feed.c.id <= number - FEED_KEEP))


class StatusWriter:
    """Writes cameras and their states; a change of state also goes to the feed."""

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._clock = clock
        self._states: dict[str, tuple[str, str]] = {}
        self._cells: dict[str, str | None] = {}

    def register(self, cards: Iterable[CameraCard]) -> None:
        """Make the table hold exactly these cameras; known ones keep their state."""
        cards = tuple(cards)
        now = self._clock()
        with writing(self._engine) as connection:
            known = {row.camera_id for row in connection.execute(sa.select(cameras.c.camera_id))}
            gone = known - {card.camera_id for card in cards}
            if gone:
                connection.execute(cameras.delete().where(cameras.c.camera_id.in_(gone)))
            for card in cards:
                values = _card_values(card, now)
                if card.camera_id in known:
                    same = cameras.c.camera_id == card.camera_id
                    connection.execute(cameras.update().where(same).values(values))
                else:
                    fresh = {**values, "camera_id": card.camera_id, "measures": {}}
                    connection.execute(cameras.insert().values(fresh))
        self._cells = {card.camera_id: card.grid_cell for card in cards}
        self._states.clear()

    def write(self, statuses: Iterable[CameraStatus]) -> None:
        """Write the states of cameras as they are now, in one transaction.

        Cameras that are not registered are ignored.
        """
        now = self._clock()
        told = list(statuses)
        if not told:
            return
        changed = [s for s in told if self._states.get(s.camera_id) != (s.state, s.reason)]
        with writing(self._engine) as connection:
            connection.execute(_UPDATE, [_status_values(status, now) for status in told])
            for status in _registered(connection, changed):
                values = _status_values(status, now)
                body = {name: values[name] for name in ("state", "reason", "since")}
                cell = self._cells.get(status.camera_id)
                append_feed(connection, "camera.state", status.camera_id, body, now, cell)
        self._states.update({s.camera_id: (s.state, s.reason) for s in changed})

    def fault(self, view: ViewKey, kind: str, detail: str, instead: str | None) -> None:
        """Tell of a preset that was not as it should be; its pictures lie with the stills."""
        body = {"view_id": view.view_id, "kind": kind, "detail": detail[:500], "instead": instead}
        cell = self._cells.get(view.camera_id)
        with writing(self._engine) as connection:
            append_feed(connection, "camera.fault", view.camera_id, body, self._clock(), cell)


_UPDATE = cameras.update().where(cameras.c.camera_id == sa.bindparam("written_id"))
"""What is changed are the columns that the parameters name."""


def _status_values(status: CameraStatus, now: float) -> dict[str, Any]:
    return {
        "written_id": status.camera_id,
        "state": status.state[:32],
        "reason": status.reason[:500],
        "since": now if status.since is None else status.since,
        "glances_per_s": status.glances_per_s,
        "faults": [asdict(fault) for fault in status.faults],
        "measures": dict(status.measures),
        "updated_at": now,
    }


def _registered(connection: Session, statuses: Sequence[CameraStatus]) -> list[CameraStatus]:
    """Those of registered cameras."""
    if not statuses:
        return []
    asked = [status.camera_id for status in statuses]
    known = set(
        connection.scalars(sa.select(cameras.c.camera_id).where(cameras.c.camera_id.in_(asked)))
    )
    return [status for status in statuses if status.camera_id in known]


def _card_values(card: CameraCard, now: float) -> dict[str, Any]:
    return {
        "name": card.name,
        "views": list(card.views),
        "lon": card.lon,
        "lat": card.lat,
        "heading_deg": card.heading_deg,
        "fov_deg": card.fov_deg,
        "range_m": card.range_m,
        "grid_cell": card.grid_cell,
        "footprint": [list(point) for point in card.footprint] if card.footprint else None,
        "is_touring": card.is_touring,
        "updated_at": now,
    }
