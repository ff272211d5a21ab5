"""Zones and ground points of a view: read, checked, saved in versions."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import TypeAdapter, ValidationError

from api.dependencies import CameraReader, Client, Wired, ZoneWriter
from api.errors import Conflict, Refused
from api.present import at
from api.routes.cameras import Id, guard_view, picture_size
from api.shapes.cameras import (
    CalibrationChecked,
    CalibrationIn,
    ZoneHistory,
    ZonesCheck,
    ZonesChecked,
    ZonesIn,
    ZonesOut,
)
from api.store.audit import Act
from pipeline.geometry.calibration import Calibration
from pipeline.geometry.crs import to_wgs84
from pipeline.geometry.errors import CalibrationError
from pipeline.geometry.footprint import footprint
from pipeline.geometry.ground_grid import ground_grid
from pipeline.geometry.settings import CalibrationSettings
from pipeline.zone_store import ZonesChanged, ZoneVersion
from pipeline.zones import Zone, blind_rules

router = APIRouter(prefix="/api/v1/cameras", tags=["cameras"])
Json = dict[str, Any]
_ZONES = TypeAdapter(tuple[Zone, ...])


@router.get("/{camera_id}/views/{view_id}/zones", response_model=ZonesOut)
def get_zones(wired: Wired, principal: CameraReader, camera_id: Id, view_id: Id) -> Json:
    """The view's zones in force."""
    view = guard_view(wired, principal, camera_id, view_id)
    return _zones(wired.zones.current(view))


@router.get("/{camera_id}/views/{view_id}/zones/versions", response_model=ZoneHistory)
def get_zone_versions(wired: Wired, principal: CameraReader, camera_id: Id, view_id: Id) -> Json:
    """Every version of the view's zones, newest first."""
    view = guard_view(wired, principal, camera_id, view_id)
    return {"items": [_zones(version) for version in wired.zones.history(view)]}


@router.post("/{camera_id}/views/{view_id}/zones/check", response_model=ZonesChecked)
def check_zones(
    wired: Wired, principal: ZoneWriter, camera_id: Id, view_id: Id, asked: ZonesCheck
) -> Json:
    """Check zones without saving them."""
    guard_view(wired, principal, camera_id, view_id)
    return {"problems": problems_of(asked.zones, wired.settings.detector_labels)}


@router.put(
    "/{camera_id}/views/{view_id}/zones",
    response_model=ZonesOut,
)
def save_zones(
    wired: Wired,
    principal: ZoneWriter,
    client: Client,
    camera_id: Id,
    view_id: Id,
    asked: ZonesIn,
) -> Json:
    """Save a new version; the running patrol takes it over. To restore, save an old version.

    409: another version was saved in between; the body says which and by whom.
    """
    view = guard_view(wired, principal, camera_id, view_id)
    problems = problems_of(asked.zones, wired.settings.detector_labels)
    calibration, problem = _calibration(asked.calibration)
    if problem is not None:
        problems.append({"where": "calibration", "message": problem})
    if problems:
        raise Refused("zones cannot be saved like this", {"problems": problems})
    valid = tuple(
        z.model_dump(mode="json", by_alias=True) for z in _ZONES.validate_python(asked.zones)
    )
    ground = calibration.model_dump(mode="json") if calibration is not None else None
    who, now = principal.username, wired.clock()
    draft = ZoneVersion(view, asked.version, valid, who, now, asked.note, ground)
    try:
        saved = wired.zones.save(draft)
    except ZonesChanged as error:
        extra = {"version": error.current, "by": error.saved_by}
        raise Conflict(str(error), extra) from None
    told = {"version": saved.version, "zones": len(valid), "note": asked.note}
    if calibration is not None:
        told["ground_points"] = len(calibration.points)
    wired.audit.append(Act(principal.username, "zones.save", str(view), told, client))
    return _zones(saved)


@router.post("/{camera_id}/views/{view_id}/calibration/check", response_model=CalibrationChecked)
def check_calibration(
    wired: Wired, principal: ZoneWriter, camera_id: Id, view_id: Id, asked: CalibrationIn
) -> Json:
    """Fit ground points without saving them: the error of each, and a grid to lay over the still.

    Without `image_size` the pixels are those of the stream's own pictures. Saved with the zones
    (`calibration` of `PUT …/zones`), they put the patrol's next sightings on the map.
    """
    view = guard_view(wired, principal, camera_id, view_id)
    settings, problem = _calibration(asked.calibration)
    if settings is None:
        return {"problem": problem or "ground points must be given"}
    size = settings.image_size or picture_size(wired, view)
    if size is None:
        return {"problem": "image_size must be given, there is no picture of the view yet"}
    try:
        fitted = settings.fit(size)
    except CalibrationError as error:
        return {"problem": str(error)}
    step, lines = ground_grid(fitted, [point.px for point in settings.points])
    seen = footprint(fitted)
    return {
        "problem": None,
        "rms_m": fitted.rms_m,
        "points": [
            {"error_m": p.error_m, "left_out_m": p.left_out_m, "used": p.used}
            for p in fitted.points
        ],
        "grid_step_m": step,
        "grid": lines,
        "footprint": [] if seen is None else seen.tolist(),
        **_stands(fitted),
    }


def _stands(fitted: Calibration) -> Json:
    if fitted.pose is None:
        return {"stands": None, "height_m": None}
    east, north, up = fitted.pose.position_m
    return {"stands": fitted.plane.to_lonlat((east, north)).tolist(), "height_m": float(up)}


def _calibration(asked: Json | None) -> tuple[CalibrationSettings | None, str | None]:
    """(valid ground points, what is wrong with them)."""
    if asked is None:
        return None, None
    try:
        return CalibrationSettings.model_validate(asked), None
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        words = first["msg"].removeprefix("Value error, ")
        return None, f"{where}: {words}" if where else words


def problems_of(zones: tuple[Json, ...], labels: tuple[str, ...]) -> list[Json]:
    """What is wrong with zones; what the detector cannot see only where its classes are known."""
    try:
        checked = _ZONES.validate_python(zones)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False)
        return [
            {
                "where": ".".join(str(part) for part in problem["loc"]),
                "message": problem["msg"].removeprefix("Value error, "),
            }
            for problem in problems
            if not any(_is_within(other["loc"], problem["loc"]) for other in problems)
        ]
    ids = [zone.id for zone in checked]
    return [
        {"where": name, "message": f"zone ids must be unique, got {name} twice"}
        for name in sorted({name for name in ids if ids.count(name) > 1})
    ] + [
        {"where": zone_id, "message": message}
        for zone_id, message in (blind_rules(checked, labels) if labels else ())
    ]


def _is_within(inner: tuple[int | str, ...], outer: tuple[int | str, ...]) -> bool:
    """Whether one problem lies in another: rules of which one is bad are not also too few."""
    return len(inner) > len(outer) and inner[: len(outer)] == outer


def _zones(version: ZoneVersion) -> Json:
    return {
        "camera_id": version.view.camera_id,
        "view_id": version.view.view_id,
        "version": version.version,
        "zones": list(version.zones),
        "saved_by": version.saved_by,
        "saved_at": at(version.saved_at) if version.version else None,
        "note": version.note,
        "calibration": _on_the_map(version.calibration),
    }


def _on_the_map(calibration: Json | None) -> Json | None:
    """The ground points in WGS-84, as the page's map is; the file may have had another system."""
    if calibration is None or not calibration.get("points"):
        return calibration
    points = calibration["points"]
    lonlat = to_wgs84([point["lonlat"] for point in points], calibration.get("crs", "wgs84"))
    placed = [
        {**point, "lonlat": place}
        for point, place in zip(points, lonlat.round(8).tolist(), strict=True)
    ]
    return {**calibration, "crs": "wgs84", "points": placed}
