"""Cameras, and the zones of their views."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from api.shapes.base import Answer, Asked

_ZONE: JsonDict = {
    "id": "pavement",
    "polygon": [[0.1, 0.5], [0.9, 0.5], [0.9, 1.0]],
    "rules": [{"type": "street_vending", "dwell_s": 60}],
}
_CALIBRATION: JsonDict = {
    "image_size": [1920, 1080],
    "points": [
        {"px": [310, 905], "lonlat": [114.05791, 22.54302]},
        {"px": [1650, 930], "lonlat": [114.05799, 22.54301]},
        {"px": [1290, 402], "lonlat": [114.05801, 22.54327]},
        {"px": [620, 398], "lonlat": [114.05789, 22.54328]},
    ],
}


class HeadIn(Asked):
    """How long a head is wanted by hand."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"minutes": 15}]})

    minutes: int = Field(15, ge=1, le=120)


class HeadOut(Answer):
    """Who holds the head of an eagle-eye by hand, and until when."""

    by: str
    until: datetime


class PresetFaultOut(Answer):
    """A preset of an eagle-eye that is not as it should be now; never an incident."""

    view_id: str
    kind: str
    detail: str
    instead: str | None = Field(description="View that is seen instead, null if unknown.")
    since: datetime
    has_pictures: bool = Field(
        description="`…/views/{view}/fault/reference.jpg` should be seen, `…/seen.jpg` was."
    )


class CameraOut(Answer):
    """One camera: where it is, how it is, and its newest pictures."""

    camera_id: str
    name: str
    views: list[str]
    lon: float | None
    lat: float | None
    heading_deg: float | None
    fov_deg: float | None
    range_m: float | None
    footprint: list[list[float]] | None
    grid_cell: str | None
    state: str
    reason: str
    since: datetime | None
    glances_per_s: float
    measures: dict[str, float]
    is_touring: bool = Field(description="An eagle-eye: its head can be taken by hand.")
    head: HeadOut | None = Field(description="In whose hand the head is; null: on its tour.")
    faults: list[PresetFaultOut]
    updated_at: datetime
    open_incidents: int


class StillBoxOut(Answer):
    """One detection in a still; the box is 0..1 of the frame."""

    xyxy_norm: list[float]
    label: str
    confidence: float


class StillOut(Answer):
    """What the detector saw in a still."""

    at: datetime
    size: tuple[int, int] = Field(description="Width and height of the full frame in pixels.")
    boxes: list[StillBoxOut]


class CameraList(Answer):
    """All cameras in the caller's areas."""

    items: list[CameraOut]


class ZonesIn(Asked):
    """Zones to save. `version` is the version that was edited."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "version": 1,
                    "zones": [_ZONE],
                    "note": "market day",
                },
            ]
        }
    )

    version: int = Field(ge=0, le=2**31 - 1)
    zones: tuple[dict[str, Any], ...] = Field(max_length=100)
    note: Annotated[str, Field(max_length=500)] = ""
    calibration: dict[str, Any] | None = Field(
        None, description="Ground points as in a site file; null keeps those in force."
    )


class ZonesCheck(Asked):
    """Zones to check without saving."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"zones": [_ZONE]},
            ]
        }
    )

    zones: tuple[dict[str, Any], ...] = Field(max_length=100)


class ZonesOut(Answer):
    """One version of a view's zones."""

    camera_id: str
    view_id: str
    version: int
    zones: list[dict[str, Any]]
    saved_by: str
    saved_at: datetime | None
    note: str
    calibration: dict[str, Any] | None = Field(description="Ground points, as in a site file.")


class ZoneHistory(Answer):
    """Versions of a view's zones, newest first."""

    items: list[ZonesOut]


class ZoneProblem(Answer):
    """Something wrong with zones: where and what."""

    where: str
    message: str


class ZonesChecked(Answer):
    """What the check found; empty means that they can be saved."""

    problems: list[ZoneProblem]


class CalibrationIn(Asked):
    """Ground points to check without saving, written as in a site file."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"calibration": _CALIBRATION}]})

    calibration: dict[str, Any]


class PointErrorOut(Answer):
    """How well one ground point agrees with the others, in metres on the ground."""

    error_m: float
    left_out_m: float | None = Field(description="Without the point itself; null with four.")
    used: bool = Field(description="False: it contradicts the others and was set aside.")


class CalibrationChecked(Answer):
    """What the points give: a problem in words, or errors and a ground grid to look at."""

    problem: str | None
    rms_m: float | None = None
    points: list[PointErrorOut] = Field([], description="In the order asked.")
    grid_step_m: float | None = None
    grid: list[list[tuple[float, float]]] = Field([], description="Lines in 0..1 of the frame.")
    footprint: list[tuple[float, float]] = Field([], description="Ground seen, lon and lat.")
    stands: tuple[float, float] | None = Field(None, description="Camera, lon and lat.")
    height_m: float | None = None
