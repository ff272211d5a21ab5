"""A head in hand: taken, told, refused to others, given back, over by itself, in the audit log."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import httpx
import pytest

from api.store.audit import AuditQuery
from pipeline.heads import head_holds, heads_in_hand
from pipeline.ledger.database import writing

EAGLE = "/api/v1/cameras/cam-004"


@pytest.fixture(autouse=True)
def free(house: Any) -> Iterator[None]:
    yield
    house.clock.ahead_s = 0.0
    with writing(house.services.engine) as session:
        session.execute(head_holds.delete())


def acts(house: Any) -> list[tuple[str, str]]:
    rows = house.services.audit.search(AuditQuery(action="head."))
    return [(row["actor"], row["action"]) for row in rows]


def test_an_operator_takes_and_gives_back(house: Any) -> None:
    client = house.sign_in("operator")
    assert client.get(EAGLE).json()["head"] is None
    taken = client.put(f"{EAGLE}/head", json={"minutes": 10})
    assert taken.status_code == 200
    assert taken.json()["by"] == "operator"
    assert client.get(EAGLE).json()["head"]["by"] == "operator"
    listed = {c["camera_id"]: c["head"] for c in client.get("/api/v1/cameras").json()["items"]}
    assert [name for name, head in listed.items() if head] == ["cam-004"]
    assert set(heads_in_hand(house.services.engine, house.clock())) == {"cam-004"}
    longer = client.put(f"{EAGLE}/head", json={"minutes": 60}).json()
    assert longer["until"] > taken.json()["until"]
    assert client.delete(f"{EAGLE}/head").status_code == 204
    assert client.get(EAGLE).json()["head"] is None
    assert acts(house)[:3] == [
        ("operator", "head.give_back"),
        ("operator", "head.take"),
        ("operator", "head.take"),
    ]
    assert client.delete(f"{EAGLE}/head").status_code == 204


def test_somebody_elses_hand_is_told_and_left_to_supervisors(house: Any) -> None:
    house.services.people.by_name("second") or house.add_user("second", "operator")
    first, second = house.sign_in("operator"), house.sign_in("second")
    until = first.put(f"{EAGLE}/head", json={}).json()["until"]
    refused = second.put(f"{EAGLE}/head", json={})
    assert refused.status_code == 409
    told = refused.json()
    assert told["by"] == "operator"
    assert datetime.fromisoformat(told["until"]) == datetime.fromisoformat(until)
    assert second.delete(f"{EAGLE}/head").status_code == 403
    assert house.sign_in("supervisor").delete(f"{EAGLE}/head").status_code == 204
    assert second.put(f"{EAGLE}/head", json={}).status_code == 200


def test_it_is_over_by_itself(house: Any) -> None:
    house.services.people.by_name("second") or house.add_user("second", "operator")
    house.sign_in("operator").put(f"{EAGLE}/head", json={"minutes": 5})
    house.clock.ahead_s = 301.0
    second = house.sign_in("second")
    assert second.get(EAGLE).json()["head"] is None
    assert second.put(f"{EAGLE}/head", json={}).json()["by"] == "second"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        pytest.param("/api/v1/cameras/cam-000/head", {}, 422, id="no tour"),
        pytest.param("/api/v1/cameras/nowhere/head", {}, 404, id="no camera"),
        pytest.param(f"{EAGLE}/head", {"minutes": 0}, 422, id="no time"),
        pytest.param(f"{EAGLE}/head", {"minutes": 121}, 422, id="too long"),
    ],
)
def test_what_cannot_be_taken(house: Any, path: str, body: dict[str, int], status: int) -> None:
    assert house.sign_in("operator").put(path, json=body).status_code == status


def test_areas_csrf_and_scopes_hold(house: Any) -> None:
    house.add_user("elsewhere", "operator", ("4403040030",))
    assert house.sign_in("elsewhere").put(f"{EAGLE}/head", json={}).status_code == 404
    browser = house.sign_in("operator")
    del browser.headers["X-CSRF-Token"]
    assert browser.put(f"{EAGLE}/head", json={}).status_code == 403
    boss = house.sign_in("administrator")

    def machine(*scopes: str) -> httpx.Client:
        made = boss.post("/api/v1/tokens", json={"name": "vms", "scopes": list(scopes)}).json()
        return house.client(headers={"Authorization": f"Bearer {made['secret']}"})

    assert machine("cameras:read").put(f"{EAGLE}/head", json={}).status_code == 403
    assert machine("heads:drive").put(f"{EAGLE}/head", json={}).status_code == 200
