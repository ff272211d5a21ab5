"""`skygrid check`: opens every camera once, draws its zones on a still, says what is wrong."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
from rich.console import Console
from rich.progress import track
from rich.table import Table

from models.load import load_detector
from pipeline.site.settings import CameraSettings, Site
from skygrid.check_tour import TourCheck, check_tour
from skygrid.options import camera_options, refuse_blind_rules
from skygrid.zones_drawn import with_zones
from streams.camera import Camera
from streams.errors import DecodeError
from streams.types import Frame

_WAIT_S = 20.0
_POLL_S = 0.1
_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class CameraCheck:
    """What one camera answered: its still, or what is wrong."""

    camera: CameraSettings
    frame: Frame | None
    seconds: float
    trouble: str
    still: Path | None = None


def check_site(site: Site, stills: Path, console: Console) -> int:
    """Check all cameras and the detector; 0 when all is well, 1 when something is wrong."""
    troubles = _check_detector(site)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        checks = list(
            track(
                pool.map(lambda camera: check_camera(camera, stills), site.cameras),
                total=len(site.cameras),
                description="opening cameras",
                console=console,
            )
        )
    tours = [stop for camera in site.cameras for stop in check_tour(camera, stills)]
    console.print(_table(checks))
    if tours:
        console.print(_tour_table(tours))
    for trouble in troubles:
        console.print(f"[bold red]detector:[/] {trouble}", highlight=False)
    wrong = any(check.trouble for check in checks) or any(stop.trouble for stop in tours)
    return 1 if troubles or wrong else 0


def check_camera(camera: CameraSettings, stills: Path) -> CameraCheck:
    """Open one camera, wait for a picture, and save it with the zones drawn."""
    began = time.monotonic()
    reader = Camera(camera.id, camera.url.get_secret_value(), camera_options(camera))
    reader.start()
    frame, trouble = None, ""
    try:
        while frame is None and time.monotonic() - began < _WAIT_S:
            time.sleep(_POLL_S)
            try:
                picture = reader.glance()
            except DecodeError as error:
                trouble = str(error)
                continue
            frame = picture.frame() if picture else None
        if frame is None:
            health = reader.health
            trouble = trouble or f"{health.state.value}: {health.reason or 'no picture came'}"
    finally:
        reader.stop()
    seconds = time.monotonic() - began
    if frame is None:
        return CameraCheck(camera, None, seconds, trouble)
    path = stills / f"{camera.id}.jpg"
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), with_zones(frame.image, camera.zones))
    return CameraCheck(camera, frame, seconds, "", path)


def _check_detector(site: Site) -> list[str]:
    from skygrid.failures import is_expected

    try:
        detector = load_detector(site.detector)
    except Exception as error:
        if not is_expected(error):
            raise
        return [str(error)]
    troubles = []
    for camera in site.cameras:
        try:
            for view in camera.watched:
                refuse_blind_rules(camera.id, view.zones, detector.labels)
        except Exception as error:
            if not is_expected(error):
                raise
            troubles.append(str(error))
    detector.close()
    return troubles


def _table(checks: Sequence[CameraCheck]) -> Table:
    table = Table("camera", "picture", "after", "zones", "still", "trouble")
    for check in checks:
        size = "x".join(map(str, check.frame.size)) if check.frame else "none"
        table.add_row(
            check.camera.id,
            size,
            f"{check.seconds:.1f} s",
            str(sum(len(view.zones) for view in check.camera.watched)),
            str(check.still or ""),
            f"[red]{check.trouble}[/]" if check.trouble else "[green]none[/]",
        )
    return table


def _tour_table(stops: Sequence[TourCheck]) -> Table:
    table = Table("eagle-eye", "view", "preset", "visit", "reference", "trouble")
    for stop in stops:
        table.add_row(
            stop.camera_id,
            stop.view_id,
            stop.preset,
            stop.visit,
            str(stop.still or "learned"),
            f"[red]{stop.trouble}[/]" if stop.trouble else "[green]none[/]",
        )
    return table
