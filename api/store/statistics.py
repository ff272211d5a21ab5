"""Counts for the statistics page: what, where, when, how precise, how quick."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from api.security.principal import Principal
from api.store.filters import area_conditions
from api.store.schema import incident_review
from pipeline.ledger.database import reading
from pipeline.ledger.tables import IncidentRow
from pipeline.status import cameras

Json = dict[str, Any]
_i = IncidentRow.__table__.c
_r = incident_review.c
_HOT_DEG = 0.001
"""Cell of the hot-spot map: about 100 m."""
_REST = {13: ":00", 15: "0"}
_MOST_SPOTS = 200
_MOST_DECIDED = 5_000
"""Reasons and times to a verdict are of the newest this many verdicts."""


@dataclass(slots=True)
class Judged:
    """Verdicts counted; precision is accepted over accepted and rejected."""

    accepted: int = 0
    rejected: int = 0
    pending: int = 0

    def add(self, review: str, number: int) -> None:
        """Count `number` incidents in a review state."""
        setattr(self, review, getattr(self, review) + number)

    def json(self, **names: str) -> Json:
        """With the precision, None when nothing was judged."""
        judged = self.accepted + self.rejected
        return {
            **names,
            "accepted": self.accepted,
            "rejected": self.rejected,
            "pending": self.pending,
            "total": judged + self.pending,
            "precision": round(self.accepted / judged, 4) if judged else None,
        }


class Statistics:
    """Counts within a caller's areas and a span of time."""

    def __init__(self, engine: Engine, zone: ZoneInfo) -> None:
        self._engine = engine
        self._zone = zone

    def of(self, principal: Principal, since: datetime, until: datetime) -> Json:
        """Everything that the page shows, for incidents started in [since, until)."""
        within = [
            _i.started_at >= since,
            _i.started_at < until,
            _i.merged_into.is_(None),
            *area_conditions(principal),
        ]
        with reading(self._engine) as session:
            groups = session.execute(
                sa.select(_i.type, _i.camera_id, _i.grid_cell, _i.review, sa.func.count())
                .where(*within)
                .group_by(_i.type, _i.camera_id, _i.grid_cell, _i.review)
            ).all()
            moment = self._moment(session, since)
            starts = session.execute(
                sa.select(moment, sa.func.count()).where(*within).group_by(moment)
            ).all()
            x, y = (sa.func.round(column / _HOT_DEG) for column in (_i.lon, _i.lat))
            spots = session.execute(
                sa.select(x, y, sa.func.count())
                .where(*within, _i.lon.is_not(None))
                .group_by(x, y)
                .order_by(sa.func.count().desc())
                .limit(_MOST_SPOTS)
            ).all()
            decided = session.execute(
                sa.select(_r.reason, _i.confirmed_at, _r.decided_at)
                .join_from(incident_review, IncidentRow.__table__, _r.incident_id == _i.incident_id)
                .where(*within, _r.decided_at.is_not(None))
                .order_by(_r.decided_at.desc())
                .limit(_MOST_DECIDED)
            ).all()
            names = {
                row[0]: row[1]
                for row in session.execute(sa.select(cameras.c.camera_id, cameras.c.name))
            }
        days = max((until - since).total_seconds() / 86_400.0, 1e-9)
        return {
            "since": since,
            "until": until,
            **_counts(groups, names, days),
            **self._times(starts),
            **_review_times(decided),
            "hot_spots": _hot_spots(spots),
        }

    def _moment(self, session: Session, since: datetime) -> sa.ColumnElement[str]:
        """Start in UTC cut to the hour, or to ten minutes where clocks differ by half hours."""
        offset = since.astimezone(self._zone).utcoffset()
        whole = offset is not None and offset.total_seconds() % 3600 == 0
        if session.get_bind().dialect.name == "postgresql":
            utc = sa.func.timezone("UTC", _i.started_at)
            text: sa.ColumnElement[str] = sa.func.to_char(utc, "YYYY-MM-DD HH24:MI")
        else:
            text = sa.type_coerce(_i.started_at, sa.String)
        return sa.func.substr(text, 1, 13 if whole else 15)

    def _times(self, starts: Iterable[Any]) -> Json:
        hours, weekdays, dates = [0] * 24, [0] * 7, Counter[str]()
        for moment, number in starts:
            utc = datetime.fromisoformat(f"{moment}{_REST[len(moment)]}+00:00")
            local = utc.astimezone(self._zone)
            hours[local.hour] += number
            weekdays[local.weekday()] += number
            dates[local.date().isoformat()] += number
        by_day = [{"date": date, "total": n} for date, n in sorted(dates.items())]
        return {"by_hour": hours, "by_weekday": weekdays, "by_day": by_day[-400:]}


def _counts(groups: Iterable[Any], names: dict[str, str], days: float) -> Json:
    total = Judged()
    types: dict[str, Judged] = {}
    by_camera: dict[tuple[str, str], Judged] = {}
    areas: dict[str, Judged] = {}
    for kind, camera, cell, review, number in groups:
        total.add(review, number)
        types.setdefault(kind, Judged()).add(review, number)
        by_camera.setdefault((camera, kind), Judged()).add(review, number)
        areas.setdefault(cell or "", Judged()).add(review, number)
    watched = len(names) or len({camera for camera, _ in by_camera}) or 1
    rows = [
        c.json(camera_id=camera, camera_name=names.get(camera) or camera, type=kind)
        for (camera, kind), c in by_camera.items()
    ]
    rows.sort(key=lambda row: (-row["rejected"], -row["total"]))
    by_area = [judged.json(grid_cell=cell) for cell, judged in areas.items()]
    return {
        "total": total.json(),
        "by_type": [judged.json(type=kind) for kind, judged in sorted(types.items())],
        "by_camera": rows[:500],
        "by_area": sorted(by_area, key=lambda row: -row["total"])[:500],
        "cameras": watched,
        "false_alarms_per_camera_day": round(total.rejected / watched / days, 5),
    }


def _review_times(decided: Iterable[Any]) -> Json:
    reasons: Counter[str] = Counter()
    waits = []
    for reason, confirmed_at, decided_at in decided:
        if reason:
            reasons[reason] += 1
        waits.append(max(0.0, decided_at - confirmed_at.timestamp()))
    waits.sort()
    return {
        "reject_reasons": dict(reasons.most_common()),
        "verdict_seconds": {
            "median": waits[len(waits) // 2] if waits else None,
            "p90": waits[int(len(waits) * 0.9)] if waits else None,
        },
    }


def _hot_spots(spots: Iterable[Any]) -> list[Json]:
    return [
        {"lon": round(x * _HOT_DEG, 6), "lat": round(y * _HOT_DEG, 6), "total": number}
        for x, y, number in spots
    ]
