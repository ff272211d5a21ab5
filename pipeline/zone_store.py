"""Versions of each view's zones: drawn in the page, taken over by the patrol without a restart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from pipeline.ledger.database import reading, writing
from pipeline.ledger.errors import LedgerRefused
from pipeline.ledger.tables import Base
from pipeline.status import append_feed
from pipeline.types import ViewKey

zone_versions = sa.Table(
    "zone_versions",
    Base.metadata,
    sa.Column("camera_id", sa.String(64), primary_key=True),
    sa.Column("view_id", sa.String(64), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("zones", sa.JSON, nullable=False),
    sa.Column("calibration", sa.JSON),
    sa.Column("saved_by", sa.String(64), nullable=False),
    sa.Column("saved_at", sa.Float, nullable=False),
    sa.Column("note", sa.String(500), nullable=False, server_default=""),
)


class ZonesChanged(Exception):
    """Somebody saved another version of the view's zones in between.

    Attributes:
        current: The version that is there now.
        saved_by: Who saved it.
    """

    def __init__(self, view: ViewKey, current: int, saved_by: str) -> None:
        super().__init__(f"zones of {view} are at version {current} now, saved by {saved_by}")
        self.current = current
        self.saved_by = saved_by


@dataclass(frozen=True, slots=True)
class ZoneVersion:
    """One saved state of a view's zones.

    Attributes:
        view: The view.
        version: 1 for the site file's zones, growing with every save; 0 when there is none.
        zones: JSON of `pipeline.zones.Zone`, one dict each.
        saved_by: User name, or "site file".
        saved_at: Unix seconds.
        note: Why, in the saver's words.
        calibration: JSON of the view's calibration, None when it was not changed in the page.
    """

    view: ViewKey
    version: int
    zones: tuple[dict[str, Any], ...]
    saved_by: str
    saved_at: float
    note: str = ""
    calibration: dict[str, Any] | None = None


class ZoneStore:
    """Reads and appends versions; nothing is ever overwritten."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def versions(self) -> dict[ViewKey, int]:
        """The current version of every view: one cheap query for the patrol to poll."""
        newest = sa.func.max(zone_versions.c.version)
        query = sa.select(zone_versions.c.camera_id, zone_versions.c.view_id, newest).group_by(
            zone_versions.c.camera_id, zone_versions.c.view_id
        )
        with reading(self._engine) as connection:
            return {ViewKey(row[0], row[1]): row[2] for row in connection.execute(query)}

    def current(self, view: ViewKey) -> ZoneVersion:
        """The newest version; version 0 without zones when nothing was saved yet."""
        found = self.history(view, limit=1)
        return found[0] if found else ZoneVersion(view, 0, (), "", 0.0)

    def history(self, view: ViewKey, limit: int = 50) -> tuple[ZoneVersion, ...]:
        """Versions, newest first."""
        query = (
            sa.select(zone_versions)
            .where(zone_versions.c.camera_id == view.camera_id)
            .where(zone_versions.c.view_id == view.view_id)
            .order_by(zone_versions.c.version.desc())
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return tuple(_version(row) for row in connection.execute(query))

    def seed(
        self,
        view: ViewKey,
        zones: list[dict[str, Any]],
        at: float,
        calibration: dict[str, Any] | None = None,
    ) -> ZoneVersion:
        """Make the site file's zones version 1, or a new version when the file has changed.

        A version saved in the page wins until the site file itself says something new; ground
        points of the page stay while the site file has none.
        """
        from_file = [v for v in self.history(view, limit=1000) if v.saved_by == "site file"]
        known = from_file[0] if from_file else None
        same_ground = known is not None and calibration in (None, known.calibration)
        if known is not None and same_ground and list(known.zones) == zones:
            return self.current(view)
        newest = self.current(view)
        saved = ZoneVersion(
            view, newest.version, tuple(zones), "site file", at, calibration=calibration
        )
        return self.save(saved)

    def save(self, zones: ZoneVersion) -> ZoneVersion:
        """Append the next version. `zones.version` is the version that was edited.

        Raises:
            ZonesChanged: Another version was saved in between.
        """
        newest = self.current(zones.view)
        if newest.version != zones.version:
            raise ZonesChanged(zones.view, newest.version, newest.saved_by)
        row = {
            "camera_id": zones.view.camera_id,
            "view_id": zones.view.view_id,
            "version": newest.version + 1,
            "zones": list(zones.zones),
            "calibration": zones.calibration or newest.calibration,
            "saved_by": zones.saved_by,
            "saved_at": zones.saved_at,
            "note": zones.note,
        }
        body = {"version": row["version"], "saved_by": zones.saved_by}
        try:
            with writing(self._engine) as connection:
                connection.execute(zone_versions.insert().values(row))
                append_feed(connection, "zones.saved", str(zones.view), body, zones.saved_at)
        except LedgerRefused:
            newest = self.current(zones.view)
            raise ZonesChanged(zones.view, newest.version, newest.saved_by) from None
        return self.current(zones.view)


def _version(row: sa.Row[Any]) -> ZoneVersion:
    return ZoneVersion(
        view=ViewKey(row.camera_id, row.view_id),
        version=row.version,
        zones=tuple(row.zones),
        saved_by=row.saved_by,
        saved_at=row.saved_at,
        note=row.note,
        calibration=row.calibration,
    )
