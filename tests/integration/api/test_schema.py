"""What is answered fits the OpenAPI document; nonsense never makes a 5xx."""

from __future__ import annotations

import random
from contextlib import suppress
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.shapes.audit import AuditPage
from api.shapes.cameras import CameraList, ZoneHistory, ZonesOut
from api.shapes.incidents import IncidentDetail, IncidentPage
from api.shapes.people import Me, TokenList, UserList

NONSENSE: tuple[Any, ...] = (
    None, True, 0, -1, 2**70, 1e400, "", "\x00", "é" * 300, "../..", "' OR 1=1 --", [], {}, [[]],
)  # fmt: skip


def test_answers_fit_their_models(house: Any) -> None:
    client = house.sign_in("administrator")
    first = client.get("/api/v1/incidents").json()["items"][0]["incident_id"]
    for path, model in (
        ("/api/v1/incidents", IncidentPage),
        (f"/api/v1/incidents/{first}", IncidentDetail),
        ("/api/v1/cameras", CameraList),
        ("/api/v1/cameras/cam-000/views/main/zones", ZonesOut),
        ("/api/v1/cameras/cam-000/views/main/zones/versions", ZoneHistory),
        ("/api/v1/me", Me),
        ("/api/v1/users", UserList),
        ("/api/v1/tokens", TokenList),
        ("/api/v1/audit", AuditPage),
    ):
        answer = client.get(path)
        assert answer.status_code == 200, path
        body = answer.json()
        again = model.model_validate(body).model_dump(mode="json")
        assert body.keys() == again.keys(), path
        for item, fits in zip(body.get("items", []), again.get("items", []), strict=True):
            assert item.keys() == fits.keys(), path


def operations(client: httpx.Client) -> list[tuple[str, str, dict[str, Any]]]:
    document = client.get("/api/v1/openapi.json").json()
    return [
        (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if not path.endswith(("/events", "/me/password"))
    ]


def test_every_operation_is_described(house: Any) -> None:
    for method, path, operation in operations(house.client()):
        assert operation.get("description"), (method, path)
        assert operation.get("tags"), (method, path)


def test_nonsense_never_makes_a_5xx(house: Any) -> None:
    """A small fuzzer with a fixed seed over every parameter and body of every operation."""
    client = house.sign_in("administrator")
    chance = random.Random(5)
    for method, path, operation in operations(client):
        for _ in range(12):
            filled, query = path, {}
            for parameter in operation.get("parameters", ()):
                value = str(chance.choice(NONSENSE))
                if parameter["in"] == "path":
                    safe = value.replace("/", "%2F").replace("\x00", "%00") or "x"
                    filled = filled.replace("{" + parameter["name"] + "}", safe)
                elif parameter["in"] == "query" and chance.random() < 0.5:
                    query[parameter["name"]] = value
            body = _body(operation, chance) if method in ("post", "put", "patch") else None
            answer = client.request(method, filled, params=query, content=body, headers=_JSON)
            assert answer.status_code < 500, (method, filled, query, body, answer.text)


_JSON = {"Content-Type": "application/json"}


def _body(operation: dict[str, Any], chance: random.Random) -> bytes:
    import json

    names = ("action", "version", "reason", "comment", "into", "sightings", "assignee", "items")
    more = ("zones", "note", "username", "role", "areas", "name", "scopes", "days", "query")
    picked = chance.sample(names + more, chance.randint(0, 6))
    whole = {name: chance.choice(NONSENSE) for name in picked}
    chosen = chance.choice([whole, whole, whole, chance.choice(NONSENSE)])
    try:
        return json.dumps(chosen).encode()
    except ValueError:
        return b"{"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_schemathesis_finds_no_5xx_and_no_schema_violation(house: Any) -> None:
    """Every operation with made-up requests, good and bad, as an administrator with a token."""
    boss = house.sign_in("administrator")
    scopes = boss.get("/api/v1/me").json()["scopes"]
    made = boss.post("/api/v1/tokens", json={"name": "fuzz", "scopes": scopes}).json()
    headers = {"Authorization": f"Bearer {made['secret']}"}
    schema = schemathesis.openapi.from_url(f"{house.url}/api/v1/openapi.json")
    wrong: dict[str, str] = {}
    asked = 0
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.path.endswith(("/events", "/tokens/{token_id}")):
            continue  # the stream has no end; the token must not be the one that asks
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            for case in examples(operation.as_strategy(generation_mode=mode), 10):
                answer = case.call(headers=headers)
                asked += 1
                try:
                    case.validate_response(answer, checks=CHECKS)
                except FailureGroup as group:
                    told = "; ".join(str(failure) for failure in group.exceptions)
                    wrong[f"{operation.label} {answer.status_code}"] = told[:600]
    assert wrong == {}
    assert asked > 300


CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


def examples(strategy: Any, count: int) -> list[Any]:
    """Some cases of a strategy, outside of a property test; none when it cannot make any."""
    found: list[Any] = []

    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy)
    def collect(case: Any) -> None:
        found.append(case)

    with suppress(Unsatisfiable):
        collect()
    return found
