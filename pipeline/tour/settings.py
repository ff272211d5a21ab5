"""How an eagle-eye's tour is written in the site file."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from pipeline.schedule import Hours, is_open

TRAVEL_S = 6.0
"""About how long a head takes to turn and its picture to settle."""

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StopSettings(_Section):
    """One preset of a tour; its view has its own zones, rules and calibration."""

    view: Identifier = Field(description="Id of the view that this preset shows.")
    preset: str = Field(min_length=1, max_length=64, description="Token of the preset.")
    dwell_s: float = Field(default=30.0, gt=0, le=3600, description="Time watched per visit.")
    priority: float = Field(
        default=1.0, gt=0, le=100, description="2: visited about twice as often as 1."
    )
    hours: tuple[Hours, ...] = Field(
        default=(), description="When it is visited (night plans); always if empty."
    )
    reference: str | None = Field(
        default=None, description="Picture of the preset; none: the first steady one is taken."
    )
    may_zoom: bool = Field(default=True, description="The head may leave it to look closer.")


class SettleSettings(_Section):
    """When a picture stands still."""

    still_s: float = Field(default=1.0, gt=0, le=30, description="Time without movement.")
    shift_px: float = Field(default=1.0, gt=0, le=50, description="At 320 pixels of width.")
    give_up_s: float = Field(default=25.0, gt=0, le=300, description="Then it counts as stuck.")


class VerifySettings(_Section):
    """When a picture is the one that the preset should show."""

    min_matches: int = Field(default=14, ge=6, le=500, description="Agreeing features, at least.")
    min_edges: float = Field(default=0.22, gt=0, lt=1, description="Edge likeness without them.")
    drift_share: float = Field(
        default=0.15, gt=0, le=0.5, description="Larger shifts (of the width) are wrong views."
    )
    lost_after: int = Field(
        default=3, ge=1, le=100, description="Wrong arrivals in a row: the preset is lost."
    )


class TourSettings(_Section):
    """An eagle-eye's tour."""

    driver: Literal["skygrid", "device"] = Field(
        default="skygrid", description="Who moves the head; device: SkyGrid only watches."
    )
    host: str = Field(default="", max_length=255, description="Of the ONVIF service.")
    port: int = Field(default=80, ge=1, le=65_535)
    user: str = Field(default="", max_length=100)
    password: SecretStr = Field(default=SecretStr(""))
    stops: tuple[StopSettings, ...] = Field(min_length=1, max_length=300)
    settle: SettleSettings = Field(default_factory=SettleSettings)
    verify: VerifySettings = Field(default_factory=VerifySettings)
    manual_s: float = Field(
        default=120.0, gt=0, le=7200, description="Hands off so long: the tour goes on."
    )
    closer: float = Field(default=3.0, gt=1, le=20, description="How much a close look enlarges.")
    close_look_s: float = Field(default=8.0, gt=0, le=120)

    @model_validator(mode="after")
    def _is_drivable(self) -> TourSettings:
        views = [stop.view for stop in self.stops]
        twins = sorted({view for view in views if views.count(view) > 1})
        if twins:
            raise ValueError(f"each view must have one stop, got twice: {', '.join(twins)}")
        if self.driver == "skygrid" and not self.host:
            raise ValueError("host must be given when SkyGrid drives the head, got none")
        return self

    def open_stops(self, at: datetime, clock: tzinfo) -> tuple[StopSettings, ...]:
        """The stops that are visited at an aware time."""
        return tuple(s for s in self.stops if not s.hours or is_open(s.hours, at, clock))

    def longest_gap_s(self, travel_s: float = TRAVEL_S) -> float:
        """About the longest time between two visits of one stop, for the rules' patience."""
        shares = sum(stop.priority for stop in self.stops)
        visit_s = sum((s.dwell_s + travel_s) * s.priority for s in self.stops) / shares
        rarest = min(stop.priority for stop in self.stops)
        return 2.0 * visit_s * shares / rarest
