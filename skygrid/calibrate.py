"""`skygrid calibrate`: ground points to a calibration, its errors, and what to check it by.

Reads a still and points; writes the ground grid drawn over the still, the field of view as
GeoJSON, and the section for the site file.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from pipeline.geometry.calibration import Calibration
from pipeline.geometry.crs import Crs
from pipeline.geometry.errors import CalibrationError
from pipeline.geometry.geojson import feature_collection, field_of_view, ground_grid
from pipeline.geometry.settings import CalibrationSettings
from pipeline.tour.overlay import draw_ground_grid

_COLUMNS = ("x", "y", "lon", "lat")
_MAX_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class CalibrateOptions:
    """What to calibrate.

    Attributes:
        still: Picture of the view.
        points: YAML (a `calibration` section, or its points) or CSV with x,y,lon,lat; or None.
        more: Points as "x,y,lon,lat".
        crs: What the lon/lat are given in; None: what the file says, else WGS-84.
        step_m: Distance of the grid's lines.
        out: Folder for the results.
    """

    still: Path
    points: Path | None
    more: tuple[str, ...] = ()
    crs: str | None = None
    step_m: float = 5.0
    out: Path = Path("out/calibrate")


def calibrate(options: CalibrateOptions, console: Console) -> dict[str, Any]:
    """Fit, show the errors, write grid, field of view and section; the figures as JSON values.

    Raises:
        CalibrationError: Unreadable, too few, degenerate or contradictory points.
    """
    image = cv2.imread(str(options.still), cv2.IMREAD_COLOR)
    if image is None:
        raise CalibrationError(f"still must be a picture, got {options.still}")
    height, width = image.shape[:2]
    settings = _settings(options, (width, height))
    fitted = settings.fit((width, height))
    options.out.mkdir(parents=True, exist_ok=True)
    base = options.out / options.still.stem
    pixels = [point.px for point in settings.points]
    drawn = draw_ground_grid(np.asarray(image, np.uint8), fitted, pixels, options.step_m)
    files = {"grid": f"{base}-grid.png", "map": f"{base}-view.geojson", "site": f"{base}.yaml"}
    cv2.imwrite(files["grid"], drawn)
    Path(files["map"]).write_text(json.dumps(_on_the_map(fitted, settings.crs, options.step_m)))
    with Path(files["site"]).open("w", encoding="utf-8") as stream:
        section = settings.model_dump(mode="json", exclude_defaults=True)
        YAML(typ="safe").dump({"calibration": section}, stream)
    report = _report(fitted, files)
    _show(report, console)
    return report


def _settings(options: CalibrateOptions, size: tuple[int, int]) -> CalibrationSettings:
    section = _read(options.points) if options.points else {}
    points = [*section.get("points", ()), *map(_spoken, options.more)]
    section = {**section, "points": points}
    section.setdefault("image_size", size)
    if options.crs is not None:
        section["crs"] = options.crs
    try:
        return CalibrationSettings.model_validate(section)
    except ValidationError as error:
        raise CalibrationError("; ".join(_problems(error))) from None


def _read(path: Path) -> dict[str, Any]:
    """The `calibration` section of a YAML file, or the rows of a CSV file as one."""
    try:
        text = path.read_bytes()[:_MAX_BYTES].decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CalibrationError(f"points cannot be read from {path}: {error}") from None
    if path.suffix.lower() == ".csv":
        return {"points": list(_rows(text, path))}
    try:
        found = YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        raise CalibrationError(f"{path} must be YAML: {error}") from None
    if isinstance(found, dict):
        found = found.get("calibration", found)
    if isinstance(found, list):
        found = {"points": found}
    if not isinstance(found, dict) or not isinstance(found.get("points"), list):
        raise CalibrationError(f"{path} must hold points, or a calibration section with points")
    return found


def _rows(text: str, path: Path) -> Iterable[dict[str, Any]]:
    reader = csv.DictReader(text.splitlines())
    missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise CalibrationError(f"{path} must have the columns x,y,lon,lat, lacks {missing}")
    for number, row in enumerate(reader, 2):
        yield _point([row[name] for name in _COLUMNS], f"{path}:{number}")


def _spoken(text: str) -> dict[str, Any]:
    return _point(text.split(","), f"--point {text}")


def _point(values: list[str], where: str) -> dict[str, Any]:
    try:
        x, y, lon, lat = map(float, values)
    except (TypeError, ValueError):
        raise CalibrationError(f"{where} must be four numbers x,y,lon,lat") from None
    return {"px": (x, y), "lonlat": (lon, lat)}


def _problems(error: ValidationError) -> list[str]:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return [
        ": ".join(
            part
            for part in (
                ".".join(map(str, problem["loc"])),
                problem["msg"].removeprefix("Value error, "),
            )
            if part
        )
        for problem in found
    ]


def _on_the_map(fitted: Calibration, crs: Crs, step_m: float) -> dict[str, Any]:
    view = field_of_view(fitted, crs=crs)
    return feature_collection(
        [*([view] if view else []), *ground_grid(fitted, step_m, crs=crs)], crs
    )


def _report(fitted: Calibration, files: dict[str, str]) -> dict[str, Any]:
    pose = fitted.pose
    return {
        "rms_m": round(fitted.rms_m, 3),
        "points": [
            {
                "error_m": round(point.error_m, 3),
                "left_out_m": None if point.left_out_m is None else round(point.left_out_m, 3),
                "used": point.used,
            }
            for point in fitted.points
        ],
        "camera_height_m": None if pose is None else round(float(pose.position_m[2]), 1),
        "files": files,
    }


def _show(report: dict[str, Any], console: Console) -> None:
    table = Table("point", "error", "when left out", "used")
    for number, point in enumerate(report["points"], 1):
        left_out = point["left_out_m"]
        table.add_row(
            str(number),
            f"{point['error_m']:.2f} m",
            "" if left_out is None else f"{left_out:.2f} m",
            "yes" if point["used"] else "[red]no, an outlier[/]",
        )
    console.print(table)
    height = report["camera_height_m"]
    stands = "" if height is None else f", camera {height:g} m above the ground"
    console.print(f"all points: {report['rms_m']:.2f} m (root mean square){stands}")
    if len(report["points"]) == 4:
        console.print("[yellow]four points fit exactly and say nothing about their error[/]")
    for name, path in report["files"].items():
        console.print(f"{name}: {path}", highlight=False)
