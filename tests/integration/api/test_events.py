"""Server-sent events: live, resumed after a drop, bounded by areas and by the session."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Queue
from typing import Any

import httpx
import pytest

from api.routes import events as events_route
from pipeline.status import CameraStatus, StatusWriter

pytestmark = pytest.mark.parametrize(
    "house",
    ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)],
    indirect=True,
    scope="module",
)


class Stream:
    """Events of one connection as they come."""

    def __init__(self, client: httpx.Client, last: str | None = None) -> None:
        self.found: Queue[dict[str, Any] | None] = Queue()
        headers = {"Last-Event-ID": last} if last else {}
        self._context = client.stream("GET", "/api/v1/events", headers=headers, timeout=20)
        self._answer = self._context.__enter__()
        assert self._answer.status_code == 200
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        assert self.next()["event"] == "hello"

    def _read(self) -> None:
        event: dict[str, Any] = {}
        try:
            for line in self._answer.iter_lines():
                if not line and event.get("event"):
                    self.found.put(event)
                    event = {}
                elif not line:
                    event = {}
                elif not line.startswith(":"):
                    name, _, value = line.partition(": ")
                    event[name] = json.loads(value) if name == "data" else value
        except httpx.HTTPError:
            pass
        self.found.put(None)

    def next(self, timeout: float = 10) -> dict[str, Any]:
        event = self.found.get(timeout=timeout)
        assert event is not None, "the stream ended"
        return event

    def close(self) -> None:
        self._context.__exit__(None, None, None)


@contextmanager
def listening(client: httpx.Client, last: str | None = None) -> Iterator[Stream]:
    stream = Stream(client, last)
    try:
        yield stream
    finally:
        stream.close()


def accept_one(client: httpx.Client, at: int = 0) -> str:
    query = {"review": "pending", "order": "urgent"}
    item = client.get("/api/v1/incidents", params=query).json()["items"][at]
    path = f"/api/v1/incidents/{item['incident_id']}/verdicts"
    done = client.post(path, json={"action": "accept", "version": item["version"]})
    assert done.status_code == 200
    return str(item["incident_id"])


def test_a_verdict_is_heard_live(house: Any, operator: httpx.Client) -> None:
    with listening(house.sign_in("viewer")) as stream:
        judged = accept_one(operator)
        event = stream.next()
        assert event["event"] == "incident"
        assert event["data"]["incident_id"] == judged
        assert (event["data"]["review"], event["data"]["by"]) == ("accepted", "operator")


def test_camera_health_is_heard_live(house: Any) -> None:
    with listening(house.sign_in("viewer")) as stream:
        StatusWriter(house.services.engine).write(
            [CameraStatus("cam-001", "down", "no packet for 20 s")]
        )
        event = stream.next()
        assert event["event"] == "camera_state"
        assert event["data"]["subject"] == "cam-001"
        assert event["data"]["reason"] == "no packet for 20 s"


def test_a_dropped_connection_misses_nothing(house: Any, operator: httpx.Client) -> None:
    viewer = house.sign_in("viewer")
    with listening(viewer) as stream:
        first = accept_one(operator)
        event = stream.next()
        last = event["id"]
        assert event["data"]["incident_id"] == first
    missed = [accept_one(operator) for _ in range(3)]
    with listening(viewer, last) as stream:
        assert [stream.next()["data"]["incident_id"] for _ in missed] == missed
        later = accept_one(operator)
        assert stream.next()["data"]["incident_id"] == later


def test_a_mark_from_elsewhere_says_reset(house: Any) -> None:
    with listening(house.sign_in("viewer"), "999999999.5") as stream:
        assert stream.next()["event"] == "reset"
    with listening(house.sign_in("viewer"), "garbled") as stream:
        assert stream.next()["event"] == "reset"


def test_areas_bound_the_stream(house: Any) -> None:
    house.add_user("west", "viewer", ("440304003",))
    writer = StatusWriter(house.services.engine)
    with listening(house.sign_in("west")) as stream:
        writer.write([CameraStatus("cam-000", "degraded", "not for the west")])
        writer.write([CameraStatus("cam-003", "degraded", "for the west")])
        assert stream.next()["data"]["subject"] == "cam-003"


def test_the_stream_ends_with_the_session(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_route, "HEARTBEAT_S", 0.2)
    client = house.sign_in("viewer")
    with listening(client) as stream:
        house.services.people.close_sessions_of(house.services.people.by_name("viewer").id)
        assert stream.next()["event"] == "signed_out"
        assert stream.found.get(timeout=10) is None
