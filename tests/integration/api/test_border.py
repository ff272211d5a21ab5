"""Headers, sizes, names that try to be markup, files that try to get out, people, zones, audit."""

from __future__ import annotations

import io
import re
import zipfile
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from pipeline.ledger.database import writing
from pipeline.status import CameraCard, StatusWriter

EVIL = '"><script>alert(1)</script><img src=x onerror=alert(2)>'
ZONE = {
    "id": "pavement",
    "name": "人行道",
    "polygon": [[0.1, 0.5], [0.9, 0.5], [0.9, 0.9], [0.1, 0.9]],
    "rules": [{"type": "street_vending", "dwell_s": 60}],
}
ZONES = "/api/v1/cameras/cam-000/views/main/zones"


@pytest.mark.parametrize("path", ["/signin", "/healthz", "/static/app.css", "/nothing", "/api/x"])
def test_security_headers_are_on_every_answer(house: Any, path: str) -> None:
    headers = house.client().get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"
    assert "server" not in headers or "uvicorn" in headers["server"]


def test_pages_have_no_inline_script_and_ask_no_other_host(house: Any) -> None:
    client = house.sign_in("administrator")
    for path in ("/review", "/live", "/zones", "/statistics", "/audit", "/people", "/account"):
        html = client.get(path).text
        scripts = re.findall(r"<script([^>]*)>", html)
        assert all('type="application/json"' in s or 'src="/static/' in s for s in scripts)
        assert not re.search(r"\son\w+=", html)
        assert not re.search(r"\sstyle=", html)
        assert not re.search(r'(?:src|href)="(?:https?:)?//', html)


def test_names_and_words_never_become_markup(house: Any) -> None:
    writer = StatusWriter(house.services.engine)
    cards = [CameraCard("cam-000", name=EVIL, grid_cell="4403040020000001")]
    cards += [CameraCard(f"cam-{n:03d}") for n in range(1, 6)]
    writer.register(cards)
    client = house.sign_in("administrator")
    for path in ("/review", "/live", "/zones"):
        html = client.get(path).text
        assert "<script>alert" not in html
        assert "onerror=alert(2)>" not in html
    page = client.get("/signin", params={"next": EVIL}).text
    assert "<script>alert" not in page


def test_bodies_have_a_limit_and_a_length(house: Any) -> None:
    client = house.sign_in("operator")
    big = b'{"language": "' + b"x" * (1 << 20) + b'"}'
    json_type = {"Content-Type": "application/json"}
    assert client.patch("/api/v1/me", content=big, headers=json_type).status_code == 413
    chunks = (part for part in (b'{"language"', b": null}"))
    assert client.patch("/api/v1/me", content=chunks, headers=json_type).status_code == 413


def test_errors_do_not_repeat_what_was_sent(house: Any) -> None:
    client = house.sign_in("operator")
    body = {"old": "my secret words", "new": 5}
    answer = client.post("/api/v1/me/password", json=body)
    assert answer.status_code == 422
    assert "my secret words" not in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/%2e%2e/app.py",
        "/api/v1/cameras/..%2f..%2fapi.secret/views/main/still.jpg",
        "/api/v1/cameras/cam-000/views/..%2f..%2f..%2fapi/still.jpg",
        "/evidence/1/..%2f..%2fapi.secret",
    ],
)
def test_paths_do_not_lead_out(house: Any, path: str) -> None:
    answer = house.sign_in("administrator").get(path)
    assert answer.status_code in (403, 404, 422)
    assert "import" not in answer.text


def test_zones_are_checked_versioned_and_guarded(house: Any) -> None:
    client = house.sign_in("supervisor")
    start = client.get(ZONES).json()["version"]
    saved = client.put(ZONES, json={"version": start, "zones": [ZONE], "note": "first"})
    assert saved.status_code == 200, saved.text
    assert saved.json()["version"] == start + 1
    late = client.put(ZONES, json={"version": start, "zones": []})
    assert late.status_code == 409
    assert late.json()["by"] == "supervisor"
    crossed = {**ZONE, "polygon": [[0.1, 0.1], [0.9, 0.9], [0.9, 0.1], [0.1, 0.9]]}
    refused = client.put(ZONES, json={"version": start + 1, "zones": [crossed]})
    assert refused.status_code == 422
    assert "cross" in refused.json()["problems"][0]["message"]
    twins = client.post(f"{ZONES}/check", json={"zones": [ZONE, ZONE]}).json()["problems"]
    assert "unique" in twins[0]["message"]
    assert client.post(f"{ZONES}/check", json={"zones": [ZONE]}).json()["problems"] == []
    history = client.get(f"{ZONES}/versions").json()["items"]
    assert next(v["note"] for v in history) == "first"
    viewer = house.sign_in("viewer")
    assert viewer.put(ZONES, json={"version": start + 1, "zones": []}).status_code == 403


def test_the_last_administrator_stays(house: Any) -> None:
    boss = house.sign_in("administrator")
    users = boss.get("/api/v1/users").json()["items"]
    own = next(u for u in users if u["username"] == "administrator")
    others = [u for u in users if u["role"] == "administrator" and u["id"] != own["id"]]
    for other in others:
        boss.patch(f"/api/v1/users/{other['id']}", json={"role": "viewer"})
    for change in ({"role": "viewer"}, {"disabled": True}):
        assert boss.patch(f"/api/v1/users/{own['id']}", json=change).status_code == 409


def test_filters_are_ones_own(house: Any) -> None:
    mine, other = house.sign_in("operator"), house.sign_in("viewer")
    body = {"name": "夜班", "query": {"type": "garbage", "review": "pending"}}
    assert mine.put("/api/v1/me/filters", json=body).status_code == 204
    kept = mine.get("/api/v1/me/filters").json()["items"]
    assert [(f["name"], f["query"]["type"]) for f in kept] == [("夜班", "garbage")]
    assert other.get("/api/v1/me/filters").json()["items"] == []
    assert other.delete(f"/api/v1/me/filters/{kept[0]['id']}").status_code == 404
    assert mine.delete(f"/api/v1/me/filters/{kept[0]['id']}").status_code == 204


def test_exports_open_in_a_spreadsheet_and_run_nothing(house: Any) -> None:
    client = house.sign_in("supervisor")
    writer = StatusWriter(house.services.engine)
    writer.register([CameraCard(f"cam-{n:03d}", name="=cmd|' /C calc'!A0") for n in range(6)])
    table = client.get("/api/v1/exports/incidents.csv")
    assert table.content.startswith(b"\xef\xbb\xbf")
    assert "'=cmd" in table.text
    assert ",=cmd" not in table.text
    book = client.get("/api/v1/exports/incidents.xlsx").content
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    assert sheet.count("<row") == 13
    assert "<f>" not in sheet
    assert client.get("/api/v1/exports/incidents.exe").status_code == 422


def test_the_audit_chain_shows_tampering(house: Any) -> None:
    client = house.sign_in("supervisor")
    client.get("/api/v1/exports/incidents.csv")
    assert client.get("/api/v1/audit/verify").json() == {"intact": True, "first_broken": None}
    rows = client.get("/api/v1/audit", params={"action": "export"}).json()["items"]
    assert rows[0]["detail"]["rows"] == 12
    engine = house.services.engine
    with writing(engine) as session:
        session.execute(sa.text("DROP TRIGGER audit_log_no_update"))
        change = "UPDATE audit_log SET actor = 'nobody' WHERE seq = 2"
        session.execute(sa.text(change))
    assert client.get("/api/v1/audit/verify").json() == {"intact": False, "first_broken": 2}


def test_metrics_and_health(house: Any, operator: httpx.Client) -> None:
    assert house.client().get("/healthz").json() == {"status": "up"}
    text = house.client().get("/metrics").text
    assert "skygrid_api_requests_total" in text
    assert "patrol_review_pending" in text
    assert 'route="/api/v1/me"' in text
