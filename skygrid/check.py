"""`skygrid check`: opens every camera once, draws its zones on a still, says what is wrong."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from models.load import load_detector
from pipeline.site.settings import CameraSettings, Site
from pipeline.zones import Zone
from skygrid.patrol import camera_options, refuse_blind_rules
from streams.camera import Camera
from streams.errors import DecodeError
from streams.types import Frame, ImageArray

_WAIT_S = 20.0
_POLL_S = 0.1
_AT_ONCE = 8
_COLOURS = ((60, 180, 255), (80, 220, 80), (255, 160, 60), (200, 90, 255), (60, 60, 255))


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
    console.print(_table(checks))
    for trouble in troubles:
        console.print(f"[bold red]detector:[/] {trouble}", highlight=False)
    return 1 if troubles or any(check.trouble for check in checks) else 0


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


def with_zones(image: ImageArray, zones: Sequence[Zone]) -> ImageArray:
    """A copy of a picture with each zone outlined and named."""
    drawn = image.copy()
    height, width = drawn.shape[:2]
    for number, zone in enumerate(zones):
        colour = _COLOURS[number % len(_COLOURS)]
        corners = np.array([(x * width, y * height) for x, y in zone.polygon], np.int32)
        cv2.polylines(drawn, [corners], isClosed=True, color=colour, thickness=2)
        at = (int(corners[:, 0].min()) + 4, max(18, int(corners[:, 1].min()) + 18))
        label = f"{zone.id}: {', '.join(rule.type for rule in zone.rules)}"
        cv2.putText(drawn, label, at, cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 3, cv2.LINE_AA)
        cv2.putText(drawn, label, at, cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, 1, cv2.LINE_AA)
    return drawn


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
            refuse_blind_rules(camera.id, camera.zones, detector.labels)
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
            str(len(check.camera.zones)),
            str(check.still or ""),
            f"[red]{check.trouble}[/]" if check.trouble else "[green]none[/]",
        )
    return table
