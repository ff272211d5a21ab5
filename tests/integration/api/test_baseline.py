"""A security baseline of our own over every operation: headers, origins, CSRF, addresses, XSS."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx

EVIL = "https://evil.example"
FILLED = {
    "{incident_id}": "00000000-0000-4000-8000-000000000000",
    "{camera_id}": "cam-000",
    "{view_id}": "main",
    "{form}": "csv",
    "{name}": "clip.mp4",
}
ADDRESS = re.compile(r"(?:^|_)(?:ur[il]|href|host|link|callback|webhook|endpoint)s?(?:$|_)")


def document(house: Any) -> dict[str, Any]:
    found: dict[str, Any] = house.client().get("/api/v1/openapi.json").json()
    return found


def operations(house: Any) -> Iterator[tuple[str, str]]:
    """(method, path with everything filled in) of every operation but the endless stream."""
    for path, methods in document(house)["paths"].items():
        for method in methods:
            filled = path
            for name, value in FILLED.items():
                filled = filled.replace(name, value)
            if not path.endswith("/events"):
                yield method.upper(), re.sub(r"\{\w+\}", "999999", filled)


def test_every_answer_is_guarded(house: Any) -> None:
    client = house.sign_in("viewer")
    for method, path in operations(house):
        answer = client.request(method, path, json={} if method != "GET" else None)
        headers = answer.headers
        assert "default-src 'none'" in headers["content-security-policy"], (method, path)
        assert headers["x-content-type-options"] == "nosniff", (method, path)
        assert headers["x-frame-options"] == "DENY", (method, path)
        assert headers["cross-origin-resource-policy"] == "same-origin", (method, path)
        cached = headers["cache-control"]
        assert cached in ("no-store", "no-cache") or path.startswith("/evidence/"), (method, path)
        assert "access-control-allow-origin" not in headers, (method, path)
        assert "set-cookie" not in headers, (method, path)


def test_other_sites_can_change_nothing(house: Any) -> None:
    """Each alone is refused: another origin, a cross-site fetch, no token, another's token."""
    client = house.sign_in("administrator")
    other = house.sign_in("operator").headers["X-CSRF-Token"]
    token = client.headers.pop("X-CSRF-Token")
    attacks = (
        {"X-CSRF-Token": token, "Origin": EVIL},
        {"X-CSRF-Token": token, "Sec-Fetch-Site": "cross-site"},
        {"X-CSRF-Token": token, "Origin": "null"},
        {},
        {"X-CSRF-Token": other},
    )
    unsafe = [(method, path) for method, path in operations(house) if method != "GET"]
    assert len(unsafe) > 10
    for method, path in unsafe:
        for headers in attacks:
            answer = client.request(method, path, json={}, headers=headers)
            assert answer.status_code == 403, (method, path, headers, answer.text)


def test_forms_of_other_sites_are_refused(house: Any) -> None:
    form = {"username": "operator", "password": "a long enough phrase", "next": "/review"}
    for headers in ({"Origin": EVIL}, {"Sec-Fetch-Site": "cross-site"}):
        answer = house.client().post("/signin", data=form, headers=headers)
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers


def test_nobody_can_make_the_server_ask_an_address(house: Any) -> None:
    """Cameras' addresses are in the site file alone: no request body or parameter takes one."""
    api = document(house)
    schemas = api["components"]["schemas"]
    bodies = {
        match.group(1)
        for methods in api["paths"].values()
        for operation in methods.values()
        for match in re.finditer(r"schemas/(\w+)", str(operation.get("requestBody", "")))
    }
    assert "ZonesIn" in bodies
    taken = {name for body in bodies for name in schemas[body].get("properties", {})}
    taken |= {
        parameter["name"]
        for methods in api["paths"].values()
        for operation in methods.values()
        for parameter in operation.get("parameters", ())
    }
    assert [name for name in sorted(taken) if ADDRESS.search(name)] == []
    client = house.sign_in("administrator")
    for name in ("http://127.0.0.1:9/x", "file:///etc/passwd", "rtsp://10.0.0.1"):
        answer = client.get(f"/api/v1/cameras/{httpx.URL(name).host or 'x'}")
        assert answer.status_code == 404


def test_no_answer_shows_a_cameras_address(house: Any) -> None:
    client = house.sign_in("administrator")
    for path in ("/api/v1/cameras", "/api/v1/incidents", "/live", "/zones", "/metrics"):
        assert "rtsp://" not in client.get(path).text


def test_methods_that_nobody_needs_are_refused(house: Any) -> None:
    client = house.sign_in("administrator")
    for method in ("TRACE", "TRACK", "PROPFIND"):
        assert client.request(method, "/api/v1/me").status_code in (400, 404, 405)


def test_what_people_write_comes_back_as_text_only(house: Any) -> None:
    """Stored words are JSON, never HTML: a browser that opens the answer itself runs nothing."""
    evil = '<svg onload="alert(1)">'
    client = house.sign_in("administrator")
    item = client.get("/api/v1/incidents").json()["items"][0]
    path = f"/api/v1/incidents/{item['incident_id']}"
    client.post(f"{path}/verdicts", json={"action": "comment", "comment": evil})
    client.put("/api/v1/me/filters", json={"name": evil, "query": {"text": evil}})
    zones = f"/api/v1/cameras/{item['camera_id']}/views/main/zones"
    version = client.get(zones).json()["version"]
    zone = {
        "id": "z",
        "name": evil,
        "polygon": [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]],
        "rules": [{"type": "garbage"}],
    }
    saved = client.put(zones, json={"version": version, "zones": [zone], "note": evil})
    assert saved.status_code == 200, saved.text
    for stored in (path, "/api/v1/me/filters", zones, f"{zones}/versions"):
        answer = client.get(stored)
        assert evil in str(answer.json()), stored
        assert answer.headers["content-type"] == "application/json"
    for page in ("/review", f"/incidents/{item['incident_id']}", "/zones", "/audit"):
        assert evil not in client.get(page).text, page
