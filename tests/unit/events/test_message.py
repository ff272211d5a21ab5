"""What an incident event says, and what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from types import ModuleType

import pytest

from pipeline.events.build import Occurrence, event_fields
from pipeline.events.message import MAX_EVENT_BYTES, EventError, parse_event
from pipeline.ledger.fusion import Kept, combine
from pipeline.ledger.types import EventKind, Incident, PlacedSighting, ReviewState
from pipeline.types import Reason, ViewKey


@pytest.fixture
def incident(build: ModuleType) -> Incident:
    placed = PlacedSighting(build.make_sighting(), build.make_place())
    kept = Kept(build.sighting_id("incident"), evidence=(build.make_file(),), sequence=7)
    return combine(kept, [placed])


def fields_of(incident: Incident, kind: EventKind = EventKind.STARTED) -> dict[str, str]:
    return event_fields(
        "/skygrid/futian", incident, Occurrence(kind, "cause/0", incident.updated_at)
    )


class TestDispatch:
    @pytest.mark.parametrize(
        ("review", "merged", "at_once", "waits"),
        [
            pytest.param(ReviewState.PENDING, False, "due", "waiting", id="nobody has judged it"),
            pytest.param(ReviewState.ACCEPTED, False, "due", "due", id="accepted"),
            pytest.param(ReviewState.REJECTED, False, "withdrawn", "withdrawn", id="rejected"),
            pytest.param(ReviewState.ACCEPTED, True, "withdrawn", "withdrawn", id="merged away"),
        ],
    )
    def test_the_type_decides_who_goes_out_before_a_verdict(
        self, incident: Incident, review: ReviewState, merged: bool, at_once: str, waits: str
    ) -> None:
        other = incident.sightings[0].sighting.sighting_id if merged else None
        judged = replace(incident, review=review, merged_into=other)
        what = Occurrence(EventKind.UPDATED, "cause/0", judged.updated_at)
        for types, expected in ((("garbage",), at_once), (("crowding",), waits)):
            fields = event_fields("/skygrid/futian", judged, what, types)
            assert fields["dispatch"] == expected
            assert parse_event(fields).data.dispatch == expected


class TestEvent:
    def test_it_is_a_cloudevent(self, incident: Incident) -> None:
        event = json.loads(fields_of(incident)["event"])
        assert event["specversion"] == "1.0"
        assert event["source"] == "/skygrid/futian"
        assert event["type"] == "cn.skygrid.incident.started.v1"
        assert event["subject"] == f"gate-3/{incident.incident_id}"
        assert event["datacontenttype"] == "application/json"
        assert event["partitionkey"] == "440304001"
        assert event["sequence"] == "0000000007"
        assert event["time"] == "2026-06-01T12:00:00Z"
        assert event["dataref"] == "2026/06/01/gate-3/x/clip.mp4"

    def test_flat_fields_repeat_it(self, incident: Incident) -> None:
        fields = fields_of(incident, EventKind.ACCEPTED)
        event = json.loads(fields.pop("event"))
        assert fields == {
            "type": event["type"],
            "id": event["id"],
            "source": event["source"],
            "incident_id": str(incident.incident_id),
            "incident_type": "garbage",
            "camera": "gate-3",
            "view": "main",
            "zone": "pavement",
            "severity": "2",
            "phase": "accepted",
            "dispatch": event["data"]["dispatch"],
            "time": "2026-06-01T12:00:00.000000Z",
            "grid_cell": "440304001",
        }

    def test_the_id_follows_from_the_cause(self, incident: Incident) -> None:
        assert fields_of(incident)["id"] == fields_of(replace(incident, sequence=9))["id"]
        assert fields_of(incident)["id"] != fields_of(incident, EventKind.ENDED)["id"]

    def test_an_uncalibrated_view_is_partitioned_by_camera(self, incident: Incident) -> None:
        fields = fields_of(replace(incident, place=None))
        assert fields["grid_cell"] == ""
        assert json.loads(fields["event"])["partitionkey"] == "gate-3"

    def test_a_huge_incident_stays_below_64_kib(self, incident: Incident) -> None:
        many = tuple(
            PlacedSighting(replace(incident.sightings[0].sighting, zone_id="长" * 100))
            for _ in range(400)
        )
        trace = tuple(Reason("c" * 60, 0.1, {"x" * 200: "y" * 900}) for _ in range(100))
        fields = fields_of(replace(incident, sightings=many, reasons=trace))
        assert len(fields["event"].encode()) <= MAX_EVENT_BYTES
        assert parse_event(fields).data.sightings_total == 400

    def test_a_box_out_of_the_picture_is_cut(self, incident: Incident) -> None:
        seen = replace(incident.sightings[0].sighting, xyxy_norm=(-0.001, 0.5, 1.0004, 0.6))
        event = parse_event(fields_of(replace(incident, sightings=(PlacedSighting(seen),))))
        assert event.data.sightings[0].box_norm == (0.0, 0.5, 1.0, 0.6)

    def test_it_reads_back(self, incident: Incident) -> None:
        event = parse_event(fields_of(incident))
        assert event.data.incident_id == incident.incident_id
        assert event.data.evidence[0].sha256 == incident.evidence[0].sha256
        assert event.data.place is not None
        assert event.data.place.crs == "WGS84"

    def test_a_newer_producer_may_say_more(self, incident: Incident) -> None:
        fields = fields_of(replace(incident, view=ViewKey("gate-3")))
        event = json.loads(fields["event"])
        event["newattribute"] = 1
        event["data"]["new_member"] = {}
        assert parse_event({"event": json.dumps(event)}).data.camera == "gate-3"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"specversion": "0.3"}, "specversion", id="version"),
        pytest.param({"source": "http://user:pw@host"}, "source", id="source"),
        pytest.param({"type": "cn.skygrid.incident.started.v2"}, "type", id="type"),
        pytest.param({"sequence": "7"}, "sequence", id="sequence"),
        pytest.param({"data": {}}, "data.incident_id", id="data"),
    ],
)
def test_what_is_not_an_event_is_refused(
    incident: Incident, change: dict[str, object], message: str
) -> None:
    event = json.loads(fields_of(incident)["event"]) | change
    with pytest.raises(EventError, match=message):
        parse_event({"event": json.dumps(event)})


def test_an_oversized_body_is_refused_unread() -> None:
    with pytest.raises(EventError, match="at most 65536"):
        parse_event({"event": "x" * (MAX_EVENT_BYTES + 1)})
