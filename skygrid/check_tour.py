"""What `skygrid check` says of an eagle-eye: its head, its presets, and each view's zones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from pipeline.site.settings import CameraSettings
from pipeline.tour.settings import TourSettings
from skygrid.eagles import head_of
from skygrid.zones_drawn import with_zones
from streams.errors import StreamError


@dataclass(frozen=True, slots=True)
class TourCheck:
    """The answer for one stop: what the device calls its preset, or what is wrong."""

    camera_id: str
    view_id: str
    preset: str
    visit: str
    trouble: str
    still: Path | None = None


def check_tour(camera: CameraSettings, stills: Path) -> list[TourCheck]:
    """Ask the head for its presets and compare; the head is not moved."""
    tour = camera.tour
    if tour is None:
        return []
    names, silent = _presets(tour)
    views = {view.id: view for view in camera.views}
    checks = []
    for stop in tour.stops:
        unknown = bool(names) and stop.preset not in names
        trouble = silent or (f"the device has no preset {stop.preset!r}" if unknown else "")
        still = None
        if stop.reference:
            image = cv2.imread(stop.reference, cv2.IMREAD_COLOR)
            if image is None:
                trouble = trouble or f"reference {stop.reference} is no picture"
            else:
                still = stills / camera.id / f"{stop.view}.jpg"
                still.parent.mkdir(parents=True, exist_ok=True)
                drawn = with_zones(np.asarray(image, np.uint8), views[stop.view].zones)
                cv2.imwrite(str(still), drawn)
        shown = names.get(stop.preset, "")
        preset = f"{stop.preset} {shown}".strip() if shown != stop.preset else stop.preset
        hours = f", {len(stop.hours)} hours" if stop.hours else ""
        visit = f"{stop.dwell_s:g} s, priority {stop.priority:g}{hours}"
        checks.append(TourCheck(camera.id, stop.view, preset, visit, trouble, still))
    return checks


def _presets(tour: TourSettings) -> tuple[dict[str, str], str]:
    """Names by token, and why there are none."""
    head = head_of(tour)
    if head is None:
        return {}, ""
    try:
        return {preset.token: preset.name for preset in head.presets()}, ""
    except StreamError as error:
        return {}, str(error)
    finally:
        head.close()
