"""Verdicts: what they write, that they are idempotent, that the second operator is told."""

from __future__ import annotations

import json
import threading
import uuid
from dataclasses import replace
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from pipeline.feedback import ViewMemory
from pipeline.ledger.database import reading
from pipeline.ledger.sql import SqlLedger
from pipeline.ledger.tables import OutboxRow

pytestmark = pytest.mark.parametrize(
    "house",
    ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)],
    indirect=True,
    scope="module",
)


def pending(client: httpx.Client, **query: Any) -> list[dict[str, Any]]:
    answer = client.get("/api/v1/incidents", params={"review": "pending", **query})
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def judge(client: httpx.Client, item: dict[str, Any], **verdict: Any) -> httpx.Response:
    headers = {"Idempotency-Key": verdict.pop("key")} if "key" in verdict else {}
    body = {"version": item["version"], **verdict}
    path = f"/api/v1/incidents/{item['incident_id']}/verdicts"
    return client.post(path, json=body, headers=headers)


def events(house: Any, incident_id: str) -> list[dict[str, Any]]:
    query = sa.select(OutboxRow.fields).order_by(OutboxRow.outbox_id)
    with reading(house.services.engine) as session:
        rows = [row[0] for row in session.execute(query)]
    return [json.loads(r["event"]) for r in rows if r["incident_id"] == incident_id]


def test_accept_reaches_store_outbox_memory_history_and_audit(
    house: Any, operator: httpx.Client
) -> None:
    item = pending(operator)[0]
    answer = judge(operator, item, action="accept", comment="clear as day")
    assert answer.status_code == 200, answer.text
    assert answer.json()["review"] == "accepted"
    detail = operator.get(f"/api/v1/incidents/{item['incident_id']}").json()
    assert (detail["review"], detail["decided_by"]) == ("accepted", "operator")
    assert detail["history"][-1]["comment"] == "clear as day"
    last = events(house, item["incident_id"])[-1]
    assert last["type"].endswith("incident.accepted.v1")
    assert last["data"]["detail"] == {"by": "operator", "comment": "clear as day"}
    remembered = [v for v in ViewMemory(house.services.engine).after(0) if v.verdict == "accepted"]
    assert str(remembered[-1].view) == f"{item['camera_id']}/{item['view_id']}"
    auditor = house.sign_in("supervisor")
    found = auditor.get("/api/v1/audit", params={"subject": item["incident_id"]}).json()["items"]
    assert "verdict.accept" in {row["action"] for row in found}


def test_reject_needs_a_reason_and_teaches_the_view(house: Any, operator: httpx.Client) -> None:
    item = pending(operator)[0]
    assert judge(operator, item, action="reject").status_code == 422
    assert judge(operator, item, action="reject", reason="bored").status_code == 422
    assert judge(operator, item, action="reject", reason="lawful").status_code == 200
    verdict = ViewMemory(house.services.engine).after(0)[-1]
    assert (verdict.verdict, verdict.reason, verdict.zone_id) == (
        "rejected",
        "lawful",
        item["zone_id"],
    )
    assert events(house, item["incident_id"])[-1]["data"]["detail"]["reason"] == "lawful"


def test_the_second_operator_is_refused_and_told_who_was_first(
    house: Any, operator: httpx.Client
) -> None:
    other = house.sign_in("supervisor")
    item = pending(operator)[0]
    same = next(i for i in pending(other) if i["incident_id"] == item["incident_id"])
    assert judge(operator, item, action="reject", reason="passing").status_code == 200
    refused = judge(other, same, action="accept")
    assert refused.status_code == 409
    told = refused.json()
    assert (told["by"], told["review"], told["reason"]) == ("operator", "rejected", "passing")
    assert told["version"] == item["version"] + 1


def test_a_retry_with_the_same_key_does_nothing_twice(house: Any, operator: httpx.Client) -> None:
    item = pending(operator)[0]
    first = judge(operator, item, action="accept", key="key-of-a-retry-1")
    before = len(events(house, item["incident_id"]))
    again = judge(operator, item, action="accept", key="key-of-a-retry-1")
    assert first.json()["replayed"] is False
    assert again.status_code == 200
    assert again.json()["replayed"] is True
    assert again.json()["action_id"] == first.json()["action_id"]
    assert len(events(house, item["incident_id"])) == before
    other = judge(operator, item, action="reject", reason="test", key="key-of-a-retry-1")
    assert other.status_code == 422


def test_dispatch_follows_the_verdict_and_the_types_policy(
    house: Any, operator: httpx.Client
) -> None:
    """The site of these tests sends crowding out at once, everything else after a verdict."""
    told = {}
    for kind in ("crowding", "garbage"):
        item = pending(operator, type=kind)[0]
        judge(operator, item, action="accept")
        now = operator.get(f"/api/v1/incidents/{item['incident_id']}").json()
        judge(operator, now, action="reopen")
        reopened = operator.get(f"/api/v1/incidents/{item['incident_id']}").json()
        judge(operator, reopened, action="reject", reason="passing")
        gone = operator.get(f"/api/v1/incidents/{item['incident_id']}").json()
        pages = [seen["dispatch"] for seen in (item, now, reopened, gone)]
        sent = [e["data"]["dispatch"] for e in events(house, item["incident_id"])[-3:]]
        assert sent == pages[1:]
        told[kind] = pages
    assert told == {
        "crowding": ["due", "due", "due", "withdrawn"],
        "garbage": ["waiting", "due", "waiting", "withdrawn"],
    }


def test_reopen_takes_a_verdict_back(house: Any, operator: httpx.Client) -> None:
    item = pending(operator)[0]
    done = judge(operator, item, action="accept").json()
    back = judge(operator, {**item, "version": done["version"]}, action="reopen")
    assert back.json()["review"] == "pending"
    assert [e["type"].split(".")[-2] for e in events(house, item["incident_id"])][-2:] == [
        "accepted",
        "reopened",
    ]
    again = judge(operator, {**item, "version": back.json()["version"]}, action="accept")
    assert again.status_code == 200
    assert len({e["id"] for e in events(house, item["incident_id"])}) == len(
        events(house, item["incident_id"])
    )


def test_merge_moves_everything_and_split_brings_it_back(
    house: Any, operator: httpx.Client
) -> None:
    kind = pending(operator)[0]["type"]
    gone, stays = pending(operator, type=kind)[:2]
    done = judge(operator, gone, action="merge", into=stays["incident_id"])
    assert done.status_code == 200, done.text
    merged = operator.get(f"/api/v1/incidents/{stays['incident_id']}").json()
    assert len(merged["sightings"]) == 2
    assert {f["kind"] for f in merged["evidence"]} == {"clip", "boxes", "snapshot"}
    assert len(merged["evidence"]) == 6
    assert gone["incident_id"] not in {i["incident_id"] for i in pending(operator)}
    swallowed = operator.get(f"/api/v1/incidents/{gone['incident_id']}").json()
    assert swallowed["merged_into"] == stays["incident_id"]
    assert judge(operator, swallowed, action="accept").status_code == 409
    body = {"action": "split", "sightings": done.json()["detail"]["sightings"]}
    split = judge(operator, merged, **body)
    assert split.status_code == 200, split.text
    back = operator.get(f"/api/v1/incidents/{gone['incident_id']}").json()
    assert back["merged_into"] is None
    assert len(back["sightings"]) == 1
    assert len(back["evidence"]) == 3
    kinds = [e["type"].split(".")[-2] for e in events(house, gone["incident_id"])]
    assert kinds[-2:] == ["merged", "started"]


def test_merging_while_the_patrol_records_never_waits_for_ever(
    house: Any, operator: httpx.Client
) -> None:
    """The patrol locks the type and then rows; a merge must do it in the same order."""
    kind = pending(operator)[0]["type"]
    gone, stays = pending(operator, type=kind)[:2]
    ledger = SqlLedger(house.services.engine)
    newest = [
        placed.sighting
        for item in (gone, stays)
        for placed in ledger.incident(uuid.UUID(item["incident_id"])).sightings
    ]
    stop = threading.Event()
    wrong: list[Exception] = []

    def record() -> None:
        step = 0
        while not stop.wait(0.002):  # SQLite's lock is not fair: without a pause, nobody gets it
            step += 1
            for sighting in newest:
                try:
                    ledger.record(replace(sighting, sequence=sighting.sequence + step))
                except Exception as error:
                    wrong.append(error)

    patrol = threading.Thread(target=record)
    patrol.start()
    try:
        for _ in range(12):
            now = operator.get(f"/api/v1/incidents/{gone['incident_id']}").json()
            done = judge(operator, now, action="merge", into=stays["incident_id"])
            assert done.status_code == 200, done.text
            target = operator.get(f"/api/v1/incidents/{stays['incident_id']}").json()
            moved = done.json()["detail"]["sightings"]
            assert judge(operator, target, action="split", sightings=moved).status_code == 200
    finally:
        stop.set()
        patrol.join(30)
    assert wrong == []


def test_merge_refuses_other_types_and_itself(operator: httpx.Client) -> None:
    items = pending(operator)
    other = next(i for i in items if i["type"] != items[0]["type"])
    for target in (other["incident_id"], items[0]["incident_id"]):
        assert judge(operator, items[0], action="merge", into=target).status_code == 422


def test_bulk_verdicts_stand_and_fall_one_by_one(operator: httpx.Client) -> None:
    first, second = pending(operator)[:2]
    wanted = [
        {"incident_id": first["incident_id"], "version": first["version"]},
        {"incident_id": second["incident_id"], "version": second["version"] + 5},
    ]
    body = {"items": wanted, "action": "reject", "reason": "test"}
    answer = operator.post("/api/v1/incidents/bulk-verdicts", json=body)
    assert answer.status_code == 207
    assert [r["status"] for r in answer.json()["results"]] == [200, 409]


def test_assign_and_comment(house: Any, operator: httpx.Client) -> None:
    item = pending(operator)[0]
    assert judge(operator, item, action="assign", assignee="operator").status_code == 200
    mine = pending(operator, assigned_to="operator")
    assert [i["incident_id"] for i in mine] == [item["incident_id"]]
    said = {"action": "comment", "comment": "<img src=x onerror=alert(1)> 牌照 粤B12345"}
    path = f"/api/v1/incidents/{item['incident_id']}/verdicts"
    assert operator.post(path, json=said).status_code == 200
    assert operator.post(path, json={"action": "comment", "comment": " "}).status_code == 422
    found = operator.get("/api/v1/incidents", params={"text": "粤B123"}).json()["items"]
    assert [i["incident_id"] for i in found] == [item["incident_id"]]
