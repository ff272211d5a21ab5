"""Ground points of a view: fitted at once, saved with the zones, refused when they cannot be."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from bench.fusion_square import pinhole
from pipeline.geometry.crs import from_wgs84
from pipeline.geometry.plane import LocalPlane
from pipeline.types import ViewKey
from pipeline.zone_store import ZoneStore

VIEW = "/api/v1/cameras/cam-001/views/main"
PLANE = LocalPlane(114.05, 22.54)
GROUND = np.array([(2, 14), (-3, 17), (7, 20), (1, 30), (11, 40), (-2, 38), (7, 55)], float)


def points(count: int = 7, wrong: int | None = None) -> dict[str, Any]:
    """Ground points of a pole six metres high that looks north; one may be 9 m off."""
    camera = pinhole(np.array([0.0, 0.0, 6.0]), np.array([4.0, 30.0, 0.0]), 1200.0)
    ground = np.column_stack([GROUND, np.zeros(len(GROUND)), np.ones(len(GROUND))]) @ camera.T
    pixels = ground[:, :2] / ground[:, 2:]
    places = GROUND.copy()
    if wrong is not None:
        places[wrong] += (9.0, 0.0)
    lonlat = PLANE.to_lonlat(places)
    pairs = zip(pixels.tolist(), lonlat.tolist(), strict=True)
    made = [{"px": px, "lonlat": place} for px, place in pairs]
    return {"image_size": [1920, 1080], "points": made[:count]}


def test_points_are_fitted_and_the_wrong_one_is_named(house: Any) -> None:
    client = house.sign_in("supervisor")
    good = client.post(f"{VIEW}/calibration/check", json={"calibration": points()}).json()
    assert good["problem"] is None
    assert good["rms_m"] < 0.05
    assert good["height_m"] == pytest.approx(6.0, abs=0.1)
    assert good["stands"] == pytest.approx([114.05, 22.54], abs=1e-5)
    assert len(good["grid"]) > 5
    assert len(good["footprint"]) > 4
    bad = client.post(f"{VIEW}/calibration/check", json={"calibration": points(wrong=2)}).json()
    assert [p["used"] for p in bad["points"]] == [number != 2 for number in range(7)]
    assert bad["points"][2]["error_m"] > 5


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(points(3), id="too few"),
        pytest.param({"points": "many"}, id="no points"),
        pytest.param({**points(), "crs": "mars"}, id="no such system"),
        pytest.param({}, id="nothing"),
    ],
)
def test_what_cannot_be_fitted_is_said_and_not_saved(house: Any, asked: dict[str, Any]) -> None:
    client = house.sign_in("supervisor")
    checked = client.post(f"{VIEW}/calibration/check", json={"calibration": asked})
    assert checked.status_code == 200
    assert checked.json()["problem"]
    version = client.get(f"{VIEW}/zones").json()["version"]
    body = {"version": version, "zones": [], "calibration": asked}
    refused = client.put(f"{VIEW}/zones", json=body)
    assert refused.status_code == 422
    assert refused.json()["problems"][0]["where"] == "calibration"


def test_saved_points_stay_until_others_are_saved(house: Any) -> None:
    client = house.sign_in("supervisor")
    version = client.get(f"{VIEW}/zones").json()["version"]
    body = {"version": version, "zones": [], "calibration": points()}
    saved = client.put(f"{VIEW}/zones", json=body).json()
    assert len(saved["calibration"]["points"]) == 7
    later = client.put(f"{VIEW}/zones", json={"version": saved["version"], "zones": []}).json()
    assert later["calibration"] == saved["calibration"]
    rows = client.get("/api/v1/audit", params={"action": "zones.save"}).json()["items"]
    assert [row["detail"].get("ground_points") for row in rows[:2]] == [None, 7]


def test_points_of_a_published_map_come_to_the_page_in_its_own_system(house: Any) -> None:
    store, view = ZoneStore(house.services.engine), ViewKey("cam-005")
    shifted = points()
    for point in shifted["points"]:
        point["lonlat"] = from_wgs84(point["lonlat"], "gcj02").tolist()
    store.seed(view, [], 1.0, {**shifted, "crs": "gcj02"})
    client = house.sign_in("supervisor")
    shown = client.get("/api/v1/cameras/cam-005/views/main/zones").json()["calibration"]
    assert shown["crs"] == "wgs84"
    for point, true in zip(shown["points"], points()["points"], strict=True):
        assert point["lonlat"] == pytest.approx(true["lonlat"], abs=1e-7)


def test_the_site_file_wins_only_when_it_changes(house: Any) -> None:
    store, view = ZoneStore(house.services.engine), ViewKey("cam-004")
    first = store.seed(view, [], 1.0, points())
    assert store.seed(view, [], 2.0, points()).version == first.version
    page = store.save(
        type(first)(view, first.version, (), "supervisor", 3.0, calibration=points(5))
    )
    assert store.seed(view, [], 4.0, points()).version == page.version
    changed = store.seed(view, [], 5.0, points(4))
    assert changed.version == page.version + 1
    assert len((changed.calibration or {})["points"]) == 4


def test_points_without_a_size_are_those_of_the_newest_picture(house: Any) -> None:
    client = house.sign_in("supervisor")
    asked = {"points": points()["points"]}
    still = house.data_dir / "stills" / "cam-001" / "main.json"
    told = still.read_bytes()

    def check(size: list[int] | None) -> dict[str, Any]:
        if size is None:
            still.unlink()
        else:
            still.write_text(json.dumps({**json.loads(told), "size": size}))
        return client.post(f"{VIEW}/calibration/check", json={"calibration": asked}).json()

    try:
        assert check([1920, 1080])["height_m"] == pytest.approx(6.0, abs=0.1)
        assert "give the image_size" in check([1280, 720])["problem"]
        assert "no picture" in check(None)["problem"]
    finally:
        still.write_bytes(told)
