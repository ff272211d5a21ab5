"""The incident list and one incident: filters, paging, areas, what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from pipeline.stills import Still, StillWriter
from pipeline.types import ViewKey

pytestmark = pytest.mark.parametrize(
    "house",
    ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)],
    indirect=True,
    scope="module",
)


def test_pages_follow_each_other_without_gap_or_repeat(operator: httpx.Client) -> None:
    for order in ({"order": "newest"}, {"order": "urgent", "review": "pending"}):
        whole = operator.get("/api/v1/incidents", params={**order, "limit": 200}).json()["items"]
        seen: list[str] = []
        cursor = None
        while True:
            query = {**order, "limit": 5, **({"cursor": cursor} if cursor else {})}
            page = operator.get("/api/v1/incidents", params=query).json()
            seen += [item["incident_id"] for item in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert seen == [item["incident_id"] for item in whole]
        assert len(seen) == len(set(seen)) == 12


def test_urgent_comes_first(operator: httpx.Client) -> None:
    query = {"order": "urgent", "review": "pending"}
    items = operator.get("/api/v1/incidents", params=query).json()["items"]
    severities = [item["severity"] for item in items]
    assert severities == sorted(severities, reverse=True)


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ({"type": "crowding"}, lambda i: i["type"] == "crowding"),
        ({"camera": "cam-001"}, lambda i: i["camera_id"] == "cam-001"),
        ({"severity_min": 3}, lambda i: i["severity"] >= 3),
        ({"state": "ended"}, lambda i: i["state"] == "ended"),
        ({"grid": "440304002"}, lambda i: i["grid_cell"].startswith("440304002")),
        ({"text": "工地"}, lambda i: "工地" in i["camera_name"]),
        ({"text": "CAM-002"}, lambda i: i["camera_id"] == "cam-002"),
    ],
)
def test_filters(operator: httpx.Client, query: dict[str, Any], fits: Any) -> None:
    everything = operator.get("/api/v1/incidents", params={"limit": 200}).json()["items"]
    found = operator.get("/api/v1/incidents", params={**query, "limit": 200}).json()["items"]
    with_cell = [i for i in everything if "grid" not in query or i["grid_cell"]]
    expected = [i["incident_id"] for i in with_cell if fits(i)]
    assert [i["incident_id"] for i in found] == expected
    assert 0 < len(found) < len(everything)


def test_time_filter_and_id_search(operator: httpx.Client) -> None:
    items = operator.get("/api/v1/incidents").json()["items"]
    middle = datetime.fromisoformat(items[5]["started_at"])
    late = operator.get("/api/v1/incidents", params={"since": middle.isoformat()}).json()["items"]
    early = operator.get("/api/v1/incidents", params={"until": middle.isoformat()}).json()["items"]
    assert [len(late), len(early)] == [6, 6]
    found = operator.get("/api/v1/incidents", params={"text": items[3]["incident_id"][:8]})
    assert [i["incident_id"] for i in found.json()["items"]] == [items[3]["incident_id"]]


@pytest.mark.parametrize(
    "query",
    [
        {"tpye": "garbage"},
        {"type": "fire"},
        {"since": "yesterday"},
        {"since": "2026-01-01T00:00:00"},
        {"limit": 0},
        {"limit": 201},
        {"cursor": "bm9uc2Vuc2U"},
        {"cursor": "\u00ff"},
        {"order": "urgent"},
        {"grid": "%"},
    ],
)
def test_what_is_not_understood_is_refused(operator: httpx.Client, query: dict[str, Any]) -> None:
    answer = operator.get("/api/v1/incidents", params=query)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_unknown_parameters_are_refused_everywhere(house: Any) -> None:
    client = house.sign_in("administrator")
    for path in ("/api/v1/cameras", "/api/v1/me", "/api/v1/audit", "/api/v1/statistics"):
        answer = client.get(path, params={"sensor": "x"})
        assert answer.status_code == 422, path
        assert "sensor" in answer.json()["detail"]


def test_detail_says_why_in_the_callers_language(operator: httpx.Client) -> None:
    item = operator.get("/api/v1/incidents", params={"type": "street_vending"}).json()["items"][0]
    path = f"/api/v1/incidents/{item['incident_id']}"
    english = operator.get(path, headers={"Accept-Language": "en"}).json()
    chinese = operator.get(path, headers={"Accept-Language": "zh-CN,zh;q=0.9"}).json()
    assert english["reasons"][0]["words"] == "A stall has stood still for 64 s (confidence 71%)"
    assert chinese["reasons"][0]["words"] == "摊位停放不动 64 s（置信度 71%）"
    assert {f["kind"] for f in english["evidence"]} == {"clip", "boxes", "snapshot"}
    assert english["sightings"][0]["xyxy_norm"]


def test_neighbours_are_near_in_time_and_place(house: Any, operator: httpx.Client) -> None:
    items = operator.get("/api/v1/incidents").json()["items"]
    for item in items[:4]:
        detail = operator.get(f"/api/v1/incidents/{item['incident_id']}").json()
        started = datetime.fromisoformat(item["started_at"])
        for near in detail["neighbours"]:
            apart = abs(datetime.fromisoformat(near["started_at"]) - started)
            assert apart <= timedelta(minutes=30)


def test_areas_bound_everything(house: Any) -> None:
    house.add_user("east", "supervisor", ("440304002",))
    east = house.sign_in("east")
    city = house.sign_in("operator")
    own = {i["incident_id"] for i in east.get("/api/v1/incidents").json()["items"]}
    everything = city.get("/api/v1/incidents").json()["items"]
    cells = {i["incident_id"]: i["grid_cell"] for i in everything}
    evens = {"cam-000", "cam-002", "cam-004"}
    expected = {i["incident_id"] for i in everything if i["camera_id"] in evens}
    assert own == expected
    assert any(cells[i] is None for i in own), "incidents without a place count by their camera"
    hidden = next(i for i in everything if i["incident_id"] not in own)
    assert east.get(f"/api/v1/incidents/{hidden['incident_id']}").status_code == 404
    verdict = {"action": "accept", "version": 0}
    path = f"/api/v1/incidents/{hidden['incident_id']}/verdicts"
    assert east.post(path, json=verdict).status_code == 404
    target = next(i for i in everything if i["incident_id"] in own and i["type"] == hidden["type"])
    merge = {"action": "merge", "version": target["version"], "into": hidden["incident_id"]}
    assert (
        east.post(f"/api/v1/incidents/{target['incident_id']}/verdicts", json=merge).status_code
        == 404
    )
    assert {c["camera_id"] for c in east.get("/api/v1/cameras").json()["items"]} == evens
    assert east.get("/api/v1/cameras/cam-001").status_code == 404
    assert east.get("/api/v1/cameras/cam-001/views/main/still.jpg").status_code == 404
    assert east.get("/api/v1/cameras/cam-001/views/main/zones").status_code == 404
    assert east.get("/api/v1/statistics").json()["total"]["total"] == len(own)
    table = east.get("/api/v1/exports/incidents.csv").text
    assert hidden["incident_id"] not in table
    assert table.count("\n") == len(own) + 1


def test_a_wrong_presets_two_pictures_are_shown(house: Any) -> None:
    viewer, view = house.sign_in("viewer"), ViewKey("cam-000")
    where = "/api/v1/cameras/cam-000/views/main/fault"
    assert viewer.get(f"{where}/seen.jpg").status_code == 404
    stills = StillWriter(house.data_dir / "stills")
    stills.write_fault(view, "seen", b"what is there")
    stills.write_fault(view, "reference", b"what should be")
    assert viewer.get(f"{where}/seen.jpg").content == b"what is there"
    assert viewer.get(f"{where}/reference.jpg").content == b"what should be"
    assert viewer.get(f"{where}/other.jpg").status_code == 422


def test_the_patrol_is_told_that_somebody_looks_at_the_stills(house: Any) -> None:
    stills = StillWriter(house.data_dir / "stills")
    shown = Still(b"the gate", (8, 8), datetime(2026, 1, 1, tzinfo=UTC))
    stills.write(ViewKey("cam-000"), shown)
    (house.data_dir / "stills" / ".watched").unlink(missing_ok=True)
    where = "/api/v1/cameras/cam-000/views/main/still.jpg"
    assert house.sign_in("viewer").get(where).content == b"the gate"
    assert stills.is_watched()
