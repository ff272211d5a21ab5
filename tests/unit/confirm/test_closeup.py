"""A closer look confirms or weakens the claim that caused it, and is told."""

from __future__ import annotations

import pytest

from pipeline.confirm import CloseUp
from pipeline.confirm.identity import Topic
from pipeline.rules.settings import CrowdingSettings, GarbageSettings, StreetVendingSettings
from pipeline.types import Phase, Suspicion

PLACE_NORM = (100 / 640, 100 / 360, 140 / 640, 140 / 360)
ELSEWHERE = (0.7, 0.7, 0.8, 0.8)
SHOWN, EMPTY = {"garbage": 0.9}, {"person": 0.9}


def look_closer(view, seen, at_s=10.0, place=PLACE_NORM, pictures=3):
    for number in range(pictures):
        view.confirmation.take_close_up(CloseUp(place, at_s + number, seen))


def codes(sighting):
    return [reason.code for reason in sighting.reasons]


def test_a_weak_claim_that_is_seen_from_nearby_is_confirmed(feed, suspicion) -> None:
    view = feed()
    assert view.run(lambda t: [suspicion(strength=0.45)], 10) == []
    look_closer(view, SHOWN)
    sent = view.run(lambda t: [suspicion(strength=0.45)], 20, from_s=14)
    assert [s.phase for s in sent] == [Phase.STARTED]
    assert "close_look" in codes(sent[0])


def test_a_claim_that_is_not_seen_from_nearby_must_be_much_stronger(feed, suspicion) -> None:
    view = feed()
    assert view.run(lambda t: [suspicion(strength=0.6, ripe=False)], 10) == []
    look_closer(view, EMPTY)
    assert view.run(lambda t: [suspicion(strength=0.6)], 60, from_s=14) == []
    sent = view.run(lambda t: [suspicion(strength=0.9)], 70, from_s=61)
    assert "close_look_empty" in codes(sent[0])


@pytest.mark.parametrize(
    "how",
    [
        pytest.param({"place": ELSEWHERE}, id="another place"),
        pytest.param({"pictures": 2}, id="too few pictures"),
        pytest.param({"at_s": -3000.0}, id="long ago"),
    ],
)
def test_what_says_nothing_changes_nothing(feed, suspicion, how) -> None:
    view = feed()
    view.run(lambda t: [suspicion(strength=0.6, ripe=False)], 10)
    look_closer(view, EMPTY, **how)
    sent = view.run(lambda t: [suspicion(strength=0.6)], 20, from_s=14)
    assert [s.phase for s in sent] == [Phase.STARTED]
    assert not {"close_look", "close_look_empty"} & set(codes(sent[0]))


def test_an_incident_that_is_open_tells_it_once(feed, suspicion) -> None:
    view = feed(GarbageSettings(confirm_s=4, update_every_s=0))
    assert [s.phase for s in view.run(lambda t: [suspicion()], 10)] == [Phase.STARTED]
    look_closer(view, EMPTY)
    sent = view.run(lambda t: [suspicion()], 40, from_s=14)
    assert [s.phase for s in sent] == [Phase.UPDATED]
    assert "close_look_empty" in codes(sent[0])


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(StreetVendingSettings(confirm_s=4), id="a stall that has no name"),
        pytest.param(CrowdingSettings(confirm_s=4), id="a crowd is no thing"),
    ],
)
def test_some_claims_are_not_refuted_from_nearby(feed, rule) -> None:
    view = feed(rules={Topic(rule.type, "z"): rule})

    def said(ripe: bool):
        place = (100.0, 100.0, 140.0, 140.0)
        return lambda t: [Suspicion(rule.type, "z", place, 0.0, 0.6, ripe=ripe)]

    view.run(said(ripe=False), 10)
    look_closer(view, EMPTY)
    assert [s.phase for s in view.run(said(ripe=True), 20, from_s=14)] == [Phase.STARTED]
