"""`skygrid calibrate`: errors per point, the grid over the still, and refusals that say why."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from bench.fusion_square import pinhole
from pipeline.geometry.errors import CalibrationError
from pipeline.geometry.plane import LocalPlane
from pipeline.site.load import load_site
from skygrid.cli import app

PLANE = LocalPlane(116.4, 39.9)
CAMERA = pinhole(np.array([0.0, 0.0, 6.0]), np.array([4.0, 30.0, 0.0]), 1200.0)
GROUND = np.array([(2, 14), (-3, 17), (7, 20), (1, 30), (11, 40), (-2, 38)], float)


def points(ground: np.ndarray = GROUND) -> list[tuple[float, float, float, float]]:
    homogeneous = np.column_stack([ground, np.zeros(len(ground)), np.ones(len(ground))]) @ CAMERA.T
    pixels, lonlat = homogeneous[:, :2] / homogeneous[:, 2:], PLANE.to_lonlat(ground)
    return [(*map(float, px), *map(float, ll)) for px, ll in zip(pixels, lonlat, strict=True)]


@pytest.fixture
def still(tmp_path: Path) -> Path:
    path = tmp_path / "gate.png"
    cv2.imwrite(str(path), np.full((1080, 1920, 3), 90, np.uint8))
    return path


def run(still: Path, *arguments: str) -> dict:
    answer = still.parent / "answer.json"
    out = still.parent / "out"
    done = CliRunner().invoke(
        app, ["calibrate", str(still), "--out", str(out), "--json", str(answer), *arguments]
    )
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return json.loads(answer.read_text())


def csv_of(rows: list, path: Path) -> Path:
    path.write_text(
        "x,y,lon,lat\n" + "".join(f"{x},{y},{lon:.9f},{lat:.9f}\n" for x, y, lon, lat in rows)
    )
    return path


def test_points_of_a_csv_give_errors_grid_map_and_section(still: Path, tmp_path: Path) -> None:
    report = run(still, "--points", str(csv_of(points(), tmp_path / "points.csv")))
    assert report["rms_m"] < 0.05
    assert report["camera_height_m"] == pytest.approx(6.0, abs=0.2)
    assert [p["used"] for p in report["points"]] == [True] * 6
    drawn = cv2.imread(report["files"]["grid"])
    assert (drawn != 90).any(axis=2).sum() > 2000
    features = json.loads(Path(report["files"]["map"]).read_text())["features"]
    assert features[0]["properties"]["kind"] == "field_of_view"
    site = tmp_path / "site.yaml"
    section = Path(report["files"]["site"]).read_text().replace("\n", "\n    ").rstrip()
    site.write_text(f"site: a\ncameras:\n  - id: gate\n    url: a.mp4\n    {section}\n")
    calibration = load_site(site).cameras[0].calibration
    assert calibration is not None
    assert calibration.fit((1920, 1080)).rms_m < 0.05


def test_a_wrong_point_is_told_as_an_outlier(still: Path, tmp_path: Path) -> None:
    rows = points(np.vstack([GROUND, [(4, 25), (6, 45)]]))
    rows[2] = (rows[2][0] + 300, *rows[2][1:])
    report = run(still, "--points", str(csv_of(rows, tmp_path / "points.csv")))
    assert [p["used"] for p in report["points"]] == [True, True, False, *[True] * 5]
    assert report["points"][2]["error_m"] > 2


def test_points_may_be_given_as_arguments(still: Path) -> None:
    spoken = [f"--point={x},{y},{lon:.9f},{lat:.9f}" for x, y, lon, lat in points()]
    assert run(still, *spoken)["rms_m"] < 0.05


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        pytest.param(points()[:3], "at least 4", id="three points"),
        pytest.param(
            points(np.array([(0, 10), (0, 15), (0, 20), (0, 30), (0, 40)], float)),
            "line", id="on a line",
        ),
    ],
)  # fmt: skip
def test_degenerate_points_are_refused(
    still: Path, tmp_path: Path, rows: list, reason: str
) -> None:
    with pytest.raises(CalibrationError, match=reason):
        run(still, "--points", str(csv_of(rows, tmp_path / "points.csv")))


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        pytest.param("p.csv", "a,b\n1,2\n", "columns x,y,lon,lat", id="other columns"),
        pytest.param("p.csv", "x,y,lon,lat\n1,2,3,\n", ":2 must be four numbers", id="no number"),
        pytest.param("p.yaml", "a: [1", "must be YAML", id="no yaml"),
        pytest.param("p.yaml", "a: 1", "must hold points", id="no points"),
    ],
)
def test_files_that_hold_no_points_are_named(
    still: Path, tmp_path: Path, name: str, text: str, reason: str
) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(CalibrationError, match=reason):
        run(still, "--points", str(path))


def test_a_still_that_is_no_picture_is_named(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match="still must be a picture"):
        run(tmp_path / "none.png")
