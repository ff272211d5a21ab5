"""Hours of the week: when a zone is watched, and when a stall is lawful."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.types import IncidentType

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CLOCK = r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$"


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


class Hours(BaseModel):
    """A span of the day on some days of the week, in the site's own time zone.

    A span whose end is not after its begin runs past midnight into the next day, and belongs to
    the day on which it began: Friday 22:00-02:00 includes Saturday 01:00.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    days: tuple[Weekday, ...] = Field(
        WEEKDAYS, min_length=1, description="Days of the week on which the span begins."
    )
    begin: str = Field(
        "00:00", alias="from", pattern=CLOCK, description='Local time of the begin, "HH:MM".'
    )
    end: str = Field(
        "24:00",
        alias="to",
        pattern=CLOCK,
        description='Local time of the end, "HH:MM", excluded; not after `from` means next day.',
    )

    def holds(self, local: datetime) -> bool:
        """True when a local wall-clock time lies inside."""
        now = local.hour * 60 + local.minute
        begin, end = _minutes(self.begin), _minutes(self.end)
        today = WEEKDAYS[local.weekday()] in self.days
        if begin < end:
            return today and begin <= now < end
        yesterday = WEEKDAYS[local.weekday() - 1] in self.days
        return (today and now >= begin) or (yesterday and now < end)


class Permit(BaseModel):
    """Hours in which something is lawful in a zone, for example a licensed breakfast stall."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field("", max_length=200, description="Who holds it or its number, for people.")
    types: tuple[IncidentType, ...] = Field(
        ("street_vending",), min_length=1, description="Incident types that it makes lawful."
    )
    hours: tuple[Hours, ...] = Field(min_length=1, description="When it holds.")


def is_open(hours: Sequence[Hours], at: datetime, zone: tzinfo) -> bool:
    """True when any span holds at an aware time, read on the clocks of `zone`."""
    if at.tzinfo is None:
        raise ValueError(f"time must be aware, got {at!r}")
    local = at.astimezone(zone)
    return any(span.holds(local) for span in hours)
