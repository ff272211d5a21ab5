"""Role × path: every route of the API, asked by nobody and by every role."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

ANYBODY = "anybody"
SIGNED_IN = "viewer"
ORDER = (ANYBODY, "viewer", "operator", "supervisor", "administrator")

# The least role that each operation is for.
LEAST = {
    ("get", "/api/v1/incidents"): "viewer",
    ("get", "/api/v1/incidents/{incident_id}"): "viewer",
    ("post", "/api/v1/incidents/{incident_id}/verdicts"): "operator",
    ("post", "/api/v1/incidents/bulk-verdicts"): "operator",
    ("get", "/api/v1/cameras"): "viewer",
    ("get", "/api/v1/cameras/{camera_id}"): "viewer",
    ("put", "/api/v1/cameras/{camera_id}/head"): "operator",
    ("delete", "/api/v1/cameras/{camera_id}/head"): "operator",
    ("get", "/api/v1/cameras/{camera_id}/views/{view_id}/still.jpg"): "viewer",
    ("get", "/api/v1/cameras/{camera_id}/views/{view_id}/still.json"): "viewer",
    ("get", "/api/v1/cameras/{camera_id}/views/{view_id}/fault/{picture}.jpg"): "viewer",
    ("get", "/api/v1/cameras/{camera_id}/views/{view_id}/zones"): "viewer",
    ("get", "/api/v1/cameras/{camera_id}/views/{view_id}/zones/versions"): "viewer",
    ("post", "/api/v1/cameras/{camera_id}/views/{view_id}/zones/check"): "supervisor",
    ("put", "/api/v1/cameras/{camera_id}/views/{view_id}/zones"): "supervisor",
    ("post", "/api/v1/cameras/{camera_id}/views/{view_id}/calibration/check"): "supervisor",
    ("get", "/api/v1/events"): "viewer",
    ("get", "/api/v1/me"): "viewer",
    ("patch", "/api/v1/me"): "viewer",
    ("post", "/api/v1/me/password"): "viewer",
    ("get", "/api/v1/me/filters"): "viewer",
    ("put", "/api/v1/me/filters"): "viewer",
    ("delete", "/api/v1/me/filters/{filter_id}"): "viewer",
    ("get", "/api/v1/users"): "administrator",
    ("post", "/api/v1/users"): "administrator",
    ("patch", "/api/v1/users/{user_id}"): "administrator",
    ("post", "/api/v1/users/{user_id}/link"): "administrator",
    ("get", "/api/v1/tokens"): "administrator",
    ("post", "/api/v1/tokens"): "administrator",
    ("delete", "/api/v1/tokens/{token_id}"): "administrator",
    ("get", "/api/v1/statistics"): "viewer",
    ("get", "/api/v1/exports/incidents.{form}"): "supervisor",
    ("get", "/api/v1/audit"): "supervisor",
    ("get", "/api/v1/audit/verify"): "supervisor",
    ("get", "/healthz"): ANYBODY,
    ("get", "/metrics"): ANYBODY,  # from this machine; see test_border.py for others
    ("get", "/evidence/{evidence_id}/{name}"): ANYBODY,  # by signature; see test_evidence.py
}
PAGES = {
    "/review": "viewer",
    "/live": "viewer",
    "/zones": "viewer",
    "/statistics": "viewer",
    "/audit": "supervisor",
    "/people": "administrator",
    "/account": "viewer",
}
FILLED = {
    "{incident_id}": "00000000-0000-4000-8000-000000000000",
    "{camera_id}": "cam-000",
    "{view_id}": "main",
    "{picture}": "seen",
    "{filter_id}": "999999",
    "{user_id}": "999999",
    "{token_id}": "999999",
    "{form}": "csv",
    "{evidence_id}": "1",
    "{name}": "clip.mp4",
}
BODIES: dict[tuple[str, str], Any] = {("patch", "/api/v1/me"): {"language": None}}


def operations(house: Any) -> set[tuple[str, str]]:
    paths = house.services and httpx.get(house.url + "/api/v1/openapi.json").json()["paths"]
    return {(method, path) for path, methods in paths.items() for method in methods}


def test_the_matrix_knows_every_operation(house: Any) -> None:
    assert operations(house) == set(LEAST)


def ask(client: httpx.Client, method: str, path: str) -> int:
    for name, value in FILLED.items():
        path = path.replace(name, value)
    if path == "/api/v1/events":
        with client.stream("GET", path) as answer:
            return answer.status_code
    body = BODIES.get((method, path), {}) if method not in ("get", "delete") else None
    return client.request(method, path, json=body).status_code


@pytest.mark.parametrize("role", ORDER)
def test_each_role_gets_what_it_may_and_nothing_else(house: Any, role: str) -> None:
    client = house.client() if role == ANYBODY else house.sign_in(role)
    wrong = []
    for (method, path), least in sorted(LEAST.items()):
        status = ask(client, method, path)
        may = ORDER.index(role) >= ORDER.index(least)
        refused = status in (401, 403)
        by_signature = path.startswith("/evidence/")
        if refused == may and not by_signature:
            wrong.append((method, path, status, least))
        if role == ANYBODY and least != ANYBODY and status != 401:
            wrong.append((method, path, status, "401"))
    assert wrong == []


@pytest.mark.parametrize("role", ORDER)
def test_pages(house: Any, role: str) -> None:
    client = house.client() if role == ANYBODY else house.sign_in(role)
    for path, least in PAGES.items():
        answer = client.get(path, headers={"Accept": "text/html"})
        if role == ANYBODY:
            assert answer.status_code == 303
            assert answer.headers["location"].startswith("/signin?next=%2F")
        elif ORDER.index(role) >= ORDER.index(least):
            assert answer.status_code == 200, path
        else:
            assert answer.status_code == 403, path


def test_a_token_never_has_more_than_its_scopes_and_its_owner(house: Any) -> None:
    boss = house.sign_in("administrator")
    made = boss.post("/api/v1/tokens", json={"name": "wall", "scopes": ["cameras:read"]}).json()
    machine = house.client(headers={"Authorization": f"Bearer {made['secret']}"})
    assert machine.get("/api/v1/cameras").status_code == 200
    assert machine.get("/api/v1/incidents").status_code == 403
    assert machine.get("/api/v1/users").status_code == 403
    assert machine.post("/api/v1/me/password", json={"old": "x", "new": "y"}).status_code == 422
    assert boss.delete(f"/api/v1/tokens/{made['id']}").status_code == 204
    assert machine.get("/api/v1/cameras").status_code == 401
