"""The figures of the statistics page."""

from __future__ import annotations

from datetime import datetime

from api.shapes.base import Answer


class Counted(Answer):
    """Incidents by verdict; precision is accepted over judged, null when nothing was judged."""

    accepted: int
    rejected: int
    pending: int
    total: int
    precision: float | None


class CountedType(Counted):
    """The same for one type."""

    type: str


class CountedCamera(CountedType):
    """The same for one type on one camera."""

    camera_id: str
    camera_name: str


class CountedArea(Counted):
    """The same for one grid cell; an empty code is "no place"."""

    grid_cell: str


class Day(Answer):
    """Incidents of one local day."""

    date: str
    total: int


class Spot(Answer):
    """Incidents in one square of about 100 m."""

    lon: float
    lat: float
    total: int


class Seconds(Answer):
    """From confirmation to verdict, of the newest 5,000 verdicts."""

    median: float | None
    p90: float | None


class StatisticsOut(Answer):
    """Counts of incidents started in [since, until), in the site's time zone."""

    since: datetime
    until: datetime
    total: Counted
    by_type: list[CountedType]
    by_camera: list[CountedCamera]
    by_area: list[CountedArea]
    cameras: int
    false_alarms_per_camera_day: float
    by_hour: list[int]
    by_weekday: list[int]
    by_day: list[Day]
    reject_reasons: dict[str, int]
    verdict_seconds: Seconds
    hot_spots: list[Spot]
