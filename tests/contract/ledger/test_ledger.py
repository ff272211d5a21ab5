"""What every ledger promises: in memory, on SQLite, on PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from types import ModuleType
from uuid import UUID

import pytest

from pipeline.ledger.errors import SightingRefused, UnknownIncident, UnknownSighting
from pipeline.ledger.outbox import Outbox, Recent
from pipeline.ledger.types import Incident, IncidentState, ReviewState, incident_id_of
from pipeline.types import Phase, Place, Sighting, ViewKey


def phases(outbox: Outbox) -> list[str]:
    return [event.fields["phase"] for event in outbox.waiting(1000)]


class JoinAll:
    """Joins whatever candidate comes first, and remembers the candidates."""

    def __init__(self) -> None:
        self.candidates: list[list[UUID]] = []

    def decide(
        self, sighting: Sighting, place: Place | None, candidates: Sequence[Incident]
    ) -> UUID | None:
        self.candidates.append([c.incident_id for c in candidates])
        return candidates[0].incident_id if candidates else None


class TestRecord:
    def test_first_message_founds_an_incident(self, new_ledger, build: ModuleType) -> None:
        ledger, outbox = new_ledger()
        sighting = build.make_sighting()
        incident = ledger.record(sighting)
        assert incident.incident_id == incident_id_of(sighting.sighting_id)
        assert incident.state is IncidentState.OPEN
        assert incident.review is ReviewState.PENDING
        assert (incident.started_at, incident.updated_at) == (build.NOON, build.NOON)
        assert incident.sightings[0].sighting == sighting
        assert incident.reasons == sighting.reasons
        assert phases(outbox) == ["started"]
        assert ledger.incident(incident.incident_id) == incident

    def test_a_resend_changes_nothing(self, new_ledger, build: ModuleType) -> None:
        ledger, outbox = new_ledger()
        first = ledger.record(build.make_sighting())
        again = ledger.record(build.make_sighting())
        assert again == first
        assert phases(outbox) == ["started"]

    def test_a_life_is_started_updated_ended(self, new_ledger, build: ModuleType) -> None:
        ledger, outbox = new_ledger()
        for sequence, phase in enumerate([Phase.STARTED, Phase.UPDATED, Phase.ENDED]):
            incident = ledger.record(
                build.make_sighting(sequence=sequence, at_s=sequence, phase=phase)
            )
        assert incident.state is IncidentState.ENDED
        assert incident.ended_at == build.NOON + timedelta(seconds=2)
        assert incident.sequence == 3
        assert phases(outbox) == ["started", "updated", "ended"]

    def test_a_late_message_is_history_only(self, new_ledger, build: ModuleType) -> None:
        ledger, outbox = new_ledger()
        ledger.record(build.make_sighting())
        ended = ledger.record(build.make_sighting(sequence=2, at_s=20, phase=Phase.ENDED))
        late = ledger.record(build.make_sighting(sequence=1, at_s=10, confidence=0.99))
        assert late == ended
        assert phases(outbox) == ["started", "ended"]

    def test_an_end_that_comes_first_is_announced_as_started_and_ended(
        self, new_ledger, build: ModuleType
    ) -> None:
        ledger, outbox = new_ledger()
        ledger.record(build.make_sighting(sequence=3, at_s=9, phase=Phase.ENDED))
        ledger.record(build.make_sighting(sequence=0))
        assert phases(outbox) == ["started", "ended"]

    @pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (1, 3, 0, 2), (2, 0, 3, 1)])
    def test_any_order_ends_in_the_same_incident(
        self, new_ledger, build: ModuleType, order: tuple[int, ...]
    ) -> None:
        messages = [build.make_sighting(sequence=n, at_s=n) for n in range(3)]
        messages.append(build.make_sighting(sequence=3, at_s=3, phase=Phase.ENDED))
        ledger, outbox = new_ledger()
        for index in (*order, *reversed(order)):
            incident = ledger.record(messages[index])
        assert incident.state is IncidentState.ENDED
        assert incident.updated_at == build.NOON + timedelta(seconds=3)
        assert len(ledger.recent()) == 1
        seen = phases(outbox)
        assert seen[0] == "started"
        assert seen.count("started") == seen.count("ended") == 1

    def test_an_ended_sighting_may_come_back(self, new_ledger, build: ModuleType) -> None:
        ledger, outbox = new_ledger()
        ledger.record(build.make_sighting(phase=Phase.ENDED))
        back = ledger.record(build.make_sighting(sequence=1, at_s=5))
        assert back.state is IncidentState.OPEN
        assert back.ended_at is None
        assert phases(outbox) == ["started", "ended", "updated"]

    def test_numbers_that_json_lacks_are_dropped(self, new_ledger, build: ModuleType) -> None:
        ledger, outbox = new_ledger()
        ledger.record(build.make_sighting(measures={"a": float("nan"), "b": 1.0}))
        data = json.loads(outbox.waiting(1)[0].fields["event"])["data"]
        assert data["measures"] == {"b": 1.0}


class TestFusion:
    def test_the_same_place_in_a_view_is_one_incident(self, new_ledger, build: ModuleType) -> None:
        ledger, outbox = new_ledger()
        first = ledger.record(build.make_sighting("a"))
        joined = ledger.record(
            build.make_sighting("b", at_s=60, xyxy_norm=(0.21, 0.5, 0.31, 0.6), severity=3)
        )
        assert joined.incident_id == first.incident_id
        assert joined.severity == 3
        assert len(joined.sightings) == 2
        one_left = ledger.record(build.make_sighting("a", 1, 70, phase=Phase.ENDED))
        assert one_left.state is IncidentState.OPEN
        both = ledger.record(build.make_sighting("b", 1, 80, phase=Phase.ENDED))
        assert both.ended_at == build.NOON + timedelta(seconds=80)
        assert phases(outbox) == ["started", "updated", "updated", "ended"]

    @pytest.mark.parametrize(
        "changes",
        [
            pytest.param({"zone_id": "road"}, id="other zone"),
            pytest.param({"view": ViewKey("gate-4")}, id="other camera"),
            pytest.param({"view": ViewKey("gate-3", "preset-2")}, id="other view"),
            pytest.param({"type": "crowding"}, id="other type"),
            pytest.param({"xyxy_norm": (0.6, 0.5, 0.7, 0.6)}, id="other place"),
        ],
    )
    def test_different_happenings_stay_apart(
        self, new_ledger, build: ModuleType, changes: dict[str, object]
    ) -> None:
        ledger, _ = new_ledger()
        first = ledger.record(build.make_sighting("a"))
        other = ledger.record(build.make_sighting("b", **changes))
        assert other.incident_id != first.incident_id
        assert other.recurrence_of is None

    def test_the_same_place_after_the_end_is_a_recurrence(
        self, new_ledger, build: ModuleType
    ) -> None:
        ledger, _ = new_ledger()
        first = ledger.record(build.make_sighting("a", 0, 0, phase=Phase.ENDED))
        again = ledger.record(build.make_sighting("b", 0, 600, start_s=600))
        assert again.incident_id != first.incident_id
        assert again.recurrence_of == first.incident_id

    def test_long_after_the_end_it_is_a_new_incident(self, new_ledger, build: ModuleType) -> None:
        ledger, _ = new_ledger(join_window=timedelta(minutes=30))
        ledger.record(build.make_sighting("a", 0, 0, phase=Phase.ENDED))
        again = ledger.record(build.make_sighting("b", 0, 7200, start_s=7200))
        assert again.recurrence_of is None

    def test_a_policy_joins_views_by_place(self, new_ledger, build: ModuleType) -> None:
        ledger, _ = new_ledger(policy=JoinAll())
        near = build.make_place()
        first = ledger.record(build.make_sighting("a"), place=near)
        other = build.make_sighting("b", view=ViewKey("roof", "p7"), confidence=0.95)
        joined = ledger.record(other, place=build.make_place(114.0501, sigma_m=(0.5, 0.2)))
        assert joined.incident_id == first.incident_id
        assert joined.view == ViewKey("roof", "p7")
        assert joined.place is not None
        assert joined.place.sigma_m == (0.5, 0.2)

    def test_views_that_overlap_are_candidates(self, new_ledger, build: ModuleType) -> None:
        other = ViewKey("gate-4")
        ledger, _ = new_ledger(policy=JoinAll(), overlapping=lambda view: (ViewKey("gate-3"),))
        first = ledger.record(build.make_sighting("a"))
        assert ledger.record(build.make_sighting("b", view=other)).incident_id == first.incident_id

    def test_a_message_without_place_keeps_the_known_one(
        self, new_ledger, build: ModuleType
    ) -> None:
        ledger, _ = new_ledger()
        ledger.record(build.make_sighting(), place=build.make_place())
        later = ledger.record(build.make_sighting(sequence=1, at_s=5))
        assert later.place == build.make_place()
        assert ledger.incident(later.incident_id).sightings[0].place == build.make_place()

    def test_candidates_are_bounded_newest_first(self, new_ledger, build: ModuleType) -> None:
        class Never(JoinAll):
            def decide(self, sighting, place, candidates):
                super().decide(sighting, place, candidates)

        policy = Never()
        ledger, _ = new_ledger(policy=policy, max_candidates=3)
        made = [ledger.record(build.make_sighting(n, 0, n)).incident_id for n in range(6)]
        assert policy.candidates[-1] == [made[4], made[3], made[2]]


class TestEvidence:
    def test_files_come_with_the_record(self, new_ledger, build: ModuleType) -> None:
        ledger, outbox = new_ledger()
        incident = ledger.record(build.make_sighting(), [build.make_file()])
        assert incident.evidence == (build.make_file(),)
        event = json.loads(outbox.waiting(1)[0].fields["event"])
        assert event["dataref"] == build.make_file().path
        assert ledger.incident(incident.incident_id) == incident

    def test_files_that_come_later_are_announced_once(self, new_ledger, build: ModuleType) -> None:
        ledger, outbox = new_ledger()
        sighting = build.make_sighting()
        ledger.record(sighting)
        for _ in range(2):
            incident = ledger.attach_evidence(sighting.sighting_id, [build.make_file()])
        assert [f.path for f in incident.evidence] == [build.make_file().path]
        assert phases(outbox) == ["started", "updated"]

    def test_an_unknown_sighting_is_refused(self, new_ledger, build: ModuleType) -> None:
        ledger, _ = new_ledger()
        with pytest.raises(UnknownSighting):
            ledger.attach_evidence(build.sighting_id("nobody"), [build.make_file()])

    def test_removed_files_are_no_longer_shown(self, new_ledger, build: ModuleType) -> None:
        ledger, _ = new_ledger()
        file = build.make_file()
        incident = ledger.record(build.make_sighting(), [file, build.make_file("b.jpg")])
        assert ledger.evidence_removed([file.path, "unknown"], build.NOON) == 1
        left = ledger.incident(incident.incident_id).evidence
        assert [f.path for f in left] == ["b.jpg"]


class TestReading:
    def test_open_sightings_are_what_a_restart_restores(
        self, new_ledger, build: ModuleType
    ) -> None:
        ledger, _ = new_ledger()
        newest = build.make_sighting("a", 4, 50)
        ledger.record(build.make_sighting("a"))
        ledger.record(newest)
        ledger.record(build.make_sighting("b", 0, phase=Phase.ENDED))
        ledger.record(build.make_sighting("c", view=ViewKey("other")))
        assert ledger.open_sightings(ViewKey("gate-3")) == (newest,)

    def test_what_ended_not_long_ago_is_restored_when_asked_for(
        self, new_ledger, build: ModuleType
    ) -> None:
        ledger, _ = new_ledger()
        early = build.make_sighting("a", 1, 10, phase=Phase.ENDED)
        late = build.make_sighting("b", 1, 60, phase=Phase.ENDED)
        for sighting in (early, late):
            ledger.record(sighting)
        since = build.NOON + timedelta(seconds=60)
        assert ledger.open_sightings(ViewKey("gate-3"), ended_since=since) == (late,)

    def test_unknown_ids_are_refused(self, new_ledger, build: ModuleType) -> None:
        ledger, _ = new_ledger()
        with pytest.raises(UnknownIncident):
            ledger.incident(build.sighting_id("x"))
        with pytest.raises(UnknownSighting):
            ledger.incident_of(build.sighting_id("x"))

    def test_recent_is_newest_first(self, new_ledger, build: ModuleType) -> None:
        ledger, _ = new_ledger()
        for n in range(3):
            ledger.record(build.make_sighting(n, 0, n, zone_id=f"z{n}"))
        assert [i.zone_id for i in ledger.recent(2)] == ["z2", "z1"]


class TestOutbox:
    def test_waiting_shrinks_as_events_are_published(self, new_ledger, build: ModuleType) -> None:
        ledger, outbox = new_ledger(clock=lambda: build.NOON)
        for n in range(3):
            ledger.record(build.make_sighting(n, zone_id=f"z{n}"))
        waiting = outbox.waiting(2)
        assert [e.number for e in waiting] == sorted(e.number for e in waiting)
        assert outbox.backlog().pending == 3
        assert outbox.backlog().oldest_at == build.NOON
        outbox.mark_published([e.number for e in waiting])
        assert outbox.backlog().pending == 1
        assert outbox.waiting(5, after=waiting[-1].number) == outbox.waiting(5)
        outbox.mark_published([e.number for e in outbox.waiting(5)])
        assert outbox.backlog() == replace(outbox.backlog(), pending=0, oldest_at=None)

    def test_lately_published_goes_back_from_the_newest(
        self, new_ledger, build: ModuleType
    ) -> None:
        now = [build.NOON]
        ledger, outbox = new_ledger(clock=lambda: now[0])
        for n in range(4):
            ledger.record(build.make_sighting(n, zone_id=f"z{n}"))
        for event in outbox.waiting(4):
            now[0] += timedelta(minutes=40)
            outbox.mark_published([event.number])
        recent = Recent(before_newest=timedelta(hours=1), at_most=timedelta(days=29))
        now[0] += timedelta(days=3)
        found = outbox.lately_published(recent, 10)
        assert [e.fields["zone"] for e in found] == ["z2", "z3"]
        assert outbox.lately_published(recent, 1) == found[:1]
        assert outbox.lately_published(recent, 10, after=found[0].number) == found[1:]
        now[0] += timedelta(days=30)
        assert outbox.lately_published(recent, 10) == []

    def test_nothing_published_is_nothing_recent(self, new_ledger) -> None:
        _, outbox = new_ledger()
        assert outbox.lately_published(Recent(), 10) == []


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"started_at": datetime(2026, 6, 1)}, id="naive time"),  # noqa: DTZ001
        pytest.param({"confidence": 1.5}, id="confidence"),
        pytest.param({"severity": 0}, id="severity"),
        pytest.param({"sequence": -1}, id="sequence"),
    ],
)
def test_a_sighting_that_breaks_its_rules_is_refused(
    new_ledger, build: ModuleType, changes: dict[str, object]
) -> None:
    ledger, outbox = new_ledger()
    with pytest.raises(SightingRefused, match="gate-3"):
        ledger.record(replace(build.make_sighting(), **changes))
    assert outbox.waiting(1) == []
