"""The pure part of recording."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import ModuleType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.boxes import iou
from pipeline.ledger.codec import (
    evidence_json,
    evidence_of,
    place_json,
    place_of,
    sighting_json,
    sighting_of,
)
from pipeline.ledger.fusion import Kept, combine, events_between
from pipeline.ledger.memory import MemoryLedger
from pipeline.ledger.types import EventKind, IncidentState, PlacedSighting
from pipeline.types import Phase


class TestCombine:
    def test_no_sighting_is_no_incident(self, build: ModuleType) -> None:
        with pytest.raises(ValueError, match="must have a sighting"):
            combine(Kept(build.sighting_id("x")), [])

    def test_the_most_confident_leads_and_the_most_severe_counts(self, build: ModuleType) -> None:
        weak = build.make_sighting("a", confidence=0.5, severity=4, measures={"people": 1.0})
        strong = build.make_sighting("b", confidence=0.9, severity=1, measures={"people": 9.0})
        made = combine(Kept(build.sighting_id("x")), [PlacedSighting(weak), PlacedSighting(strong)])
        assert (made.confidence, made.severity, made.measures) == (0.9, 4, {"people": 9.0})

    def test_the_subtype_of_any_sighting_is_kept(self, build: ModuleType) -> None:
        dumped = build.make_sighting("a", confidence=0.5, subtype="dumping")
        strong = build.make_sighting("b", confidence=0.9)
        made = combine(
            Kept(build.sighting_id("x")), [PlacedSighting(dumped), PlacedSighting(strong)]
        )
        assert made.subtype == "dumping"

    def test_it_ends_with_its_last_sighting(self, build: ModuleType) -> None:
        first = build.make_sighting("a", at_s=10, phase=Phase.ENDED)
        last = build.make_sighting("b", at_s=99, phase=Phase.ENDED)
        made = combine(Kept(build.sighting_id("x")), [PlacedSighting(last), PlacedSighting(first)])
        assert made.state is IncidentState.ENDED
        assert made.ended_at == build.NOON + timedelta(seconds=99)


class TestEvents:
    def test_what_is_told(self, build: ModuleType) -> None:
        opened = combine(Kept(build.sighting_id("x")), [PlacedSighting(build.make_sighting())])
        ended = replace(opened, state=IncidentState.ENDED)
        assert events_between(None, opened) == (EventKind.STARTED,)
        assert events_between(None, ended) == (EventKind.STARTED, EventKind.ENDED)
        assert events_between(opened, opened) == (EventKind.UPDATED,)
        assert events_between(opened, ended) == (EventKind.ENDED,)
        assert events_between(ended, ended) == (EventKind.UPDATED,)
        assert events_between(ended, opened) == (EventKind.UPDATED,)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        pytest.param((0, 0, 1, 1), (0, 0, 1, 1), 1.0, id="same"),
        pytest.param((0, 0, 1, 1), (1, 0, 2, 1), 0.0, id="touching"),
        pytest.param((0, 0, 2, 1), (1, 0, 3, 1), 1 / 3, id="half"),
        pytest.param((0, 0, 0, 0), (0, 0, 0, 0), 0.0, id="empty"),
    ],
)
def test_iou(a, b, expected: float) -> None:
    assert iou(a, b) == pytest.approx(expected)


class TestCodec:
    def test_round_trips(self, build: ModuleType) -> None:
        sighting = build.make_sighting(sequence=2, at_s=3.25, phase=Phase.ENDED)
        assert sighting_of(sighting_json(sighting)) == sighting
        assert place_of(place_json(build.make_place(area_m2=3.5))) == build.make_place(area_m2=3.5)
        assert evidence_of(evidence_json(build.make_file())) == build.make_file()


LIFE = [Phase.STARTED, Phase.UPDATED, Phase.UPDATED, Phase.ENDED]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), max_size=30).flatmap(
        lambda extra: st.permutations(extra + [(n, s) for n in "abc" for s in range(4)])
    )
)
def test_any_order_and_any_repetition_tell_one_story(build: ModuleType, order) -> None:
    """Three sightings in one place: whatever arrives how often, one incident is told, from one
    start; its last word is an end; and no event is told twice."""
    ledger = MemoryLedger()
    for name, sequence in order:
        ledger.record(build.make_sighting(name, sequence, sequence, phase=LIFE[sequence]))
    events = [(e.fields["incident_id"], e.fields["phase"]) for e in ledger.waiting(1000)]
    assert len({e.event_id for e in ledger.waiting(1000)}) == len(events)
    for incident in ledger.recent():
        told = [phase for of, phase in events if of == str(incident.incident_id)]
        assert told[0] == "started"
        assert told.count("started") == 1
        assert "ended" in told
        assert incident.state is IncidentState.ENDED
        assert incident.updated_at == build.NOON + timedelta(seconds=3)
        assert incident.sequence == len(told)
