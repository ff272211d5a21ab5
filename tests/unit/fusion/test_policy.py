"""Which sightings are one happening: by place, by time, by view, by configured overlap."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

import pytest

from pipeline.fusion.clocks import ClockWatch
from pipeline.fusion.fuse import Fusion, fusing
from pipeline.fusion.policy import SkyGroundPolicy
from pipeline.fusion.settings import FusionSettings, Overlap
from pipeline.geometry.plane import LocalPlane
from pipeline.ledger.memory import MemoryLedger
from pipeline.ledger.port import LedgerConfig
from pipeline.ledger.types import Incident
from pipeline.types import Phase, Place, Sighting, ViewKey

PLANE = LocalPlane(116.4, 39.9)
NOON = datetime(2026, 5, 1, 4, 0, tzinfo=UTC)
NAMES = UUID("1f1c7d5e-54a1-5c7b-8b8e-0e6f9f4f0a11")
SHARP = (0.5, 0.3)


def sighting(name: str, camera: str, **changes: object) -> Sighting:
    at = NOON + timedelta(seconds=float(changes.pop("at_s", 0.0)))  # type: ignore[arg-type]
    last = at + timedelta(seconds=float(changes.pop("lasts_s", 60.0)))  # type: ignore[arg-type]
    box = changes.pop("box", (0.4, 0.4, 0.5, 0.6))
    ended = changes.pop("ended", False)
    values = {
        "sighting_id": uuid5(NAMES, name), "sequence": 0, "view": ViewKey(camera),
        "phase": Phase.ENDED if ended else Phase.STARTED, "zone_id": "z",
        "type": "street_vending", "subtype": None, "xyxy_norm": box, "started_at": at,
        "confirmed_at": at, "observed_at": last, "ended_at": last if ended else None,
        "timestamp_s": last.timestamp(), "started_s": at.timestamp(), "confidence": 0.8,
        "severity": 2, "reasons": (), "measures": {}, "model": "m@1", **changes,
    }  # fmt: skip
    return Sighting(**values)  # type: ignore[arg-type]


class Places:
    """The part of the locator, by name of the sighting."""

    def __init__(self) -> None:
        self.known: dict[UUID, Place] = {}

    def place(self, sighting: Sighting) -> Place | None:
        return self.known.get(sighting.sighting_id)


class Desk:
    """Records sightings at metres of the plane."""

    def __init__(self, settings: FusionSettings | None = None) -> None:
        clocks = ClockWatch()
        config = fusing(LedgerConfig("test"), settings or FusionSettings(), clocks)
        self.places = Places()
        self.fusion = Fusion(MemoryLedger(config), self.places, clocks)

    def see(self, name: str, camera: str, at_m: tuple[float, float] | None, **changes) -> Incident:
        sigma, heading = changes.pop("sigma", SHARP), changes.pop("heading", 0.0)
        seen = sighting(name, camera, **changes)
        if at_m is not None:
            lon, lat = PLANE.to_lonlat(at_m)
            self.places.known[seen.sighting_id] = Place(float(lon), float(lat), sigma, heading)
        return self.fusion.record(seen)

    @property
    def incidents(self) -> int:
        return len(self.fusion.ledger.recent())


def test_two_cameras_on_one_stall_are_one_incident() -> None:
    desk = Desk()
    desk.see("a", "street-1", (10, 10))
    incident = desk.see("b", "eagle-1", (10.6, 9.7), at_s=40)
    assert desk.incidents == 1
    assert len(incident.sightings) == 2
    assert incident.severity == 3
    assert incident.confidence == pytest.approx(1 - 0.2 * 0.2)


def test_two_stalls_five_metres_apart_stay_two() -> None:
    desk = Desk()
    for camera in ("street-1", "eagle-1"):
        desk.see(f"a-{camera}", camera, (10, 10), box=(0.2, 0.4, 0.3, 0.6))
        desk.see(f"b-{camera}", camera, (15, 10), box=(0.6, 0.4, 0.7, 0.6))
    assert desk.incidents == 2


def test_one_view_that_tells_two_apart_is_believed_over_a_doubtful_place() -> None:
    desk = Desk()
    wide = {"sigma": (4.0, 0.5), "heading": 90.0}
    desk.see("a", "street-1", (10, 10), box=(0.2, 0.4, 0.3, 0.6), **wide)
    desk.see("b", "street-1", (14, 10), box=(0.6, 0.4, 0.7, 0.6), **wide)
    assert desk.incidents == 2


def test_another_type_at_the_same_place_is_another_incident() -> None:
    desk = Desk()
    desk.see("a", "street-1", (10, 10))
    desk.see("b", "eagle-1", (10, 10), type="garbage")
    assert desk.incidents == 2


def test_the_nearer_of_two_is_joined() -> None:
    desk = Desk()
    first = desk.see("a", "street-1", (10, 10))
    desk.see("b", "street-2", (14, 10))
    joined = desk.see("c", "eagle-1", (11.2, 10))
    assert joined.incident_id == first.incident_id


def test_later_ones_follow_within_minutes_and_not_after() -> None:
    desk = Desk()
    first = desk.see("a", "street-1", (10, 10), ended=True, lasts_s=100)
    second = desk.see("b", "eagle-1", (10, 10), at_s=300)
    assert second.incident_id == first.incident_id
    desk = Desk()
    desk.see("a", "street-1", (10, 10), ended=True, lasts_s=100)
    desk.see("b", "eagle-1", (10, 10), at_s=1000)
    assert desk.incidents == 2


def test_a_sighting_that_arrives_minutes_late_finds_its_incident() -> None:
    desk = Desk()
    first = desk.see("a", "street-1", (10, 10), at_s=0, lasts_s=300, ended=True)
    desk.see("other", "street-1", (30, 30), at_s=900, box=(0.7, 0.7, 0.8, 0.9))
    late = desk.see("b", "eagle-1", (10.3, 10), at_s=60, lasts_s=200, ended=True)
    assert late.incident_id == first.incident_id


def test_an_older_message_after_a_newer_one_changes_nothing() -> None:
    desk = Desk()
    seen = sighting("a", "street-1", lasts_s=600, ended=True, sequence=3)
    desk.fusion.record(seen)
    again = desk.fusion.record(replace(seen, sequence=1, phase=Phase.UPDATED, ended_at=None))
    assert again.ended_at is not None


def test_before_and_after_midnight_are_one() -> None:
    desk = Desk()
    midnight_s = (datetime(2026, 5, 1, 16, 0, tzinfo=UTC) - NOON).total_seconds()
    desk.see("a", "street-1", (10, 10), at_s=midnight_s - 90)
    desk.see("b", "street-2", (10, 10), at_s=midnight_s + 30)
    assert desk.incidents == 1


def test_the_same_box_of_an_uncalibrated_view_goes_on() -> None:
    desk = Desk()
    desk.see("a", "street-1", None, ended=True)
    desk.see("b", "street-1", None, at_s=100, box=(0.41, 0.41, 0.51, 0.61))
    desk.see("c", "street-1", None, at_s=100, box=(0.7, 0.4, 0.8, 0.6))
    assert desk.incidents == 2


def test_uncalibrated_views_do_not_mix() -> None:
    desk = Desk()
    desk.see("a", "street-1", None)
    desk.see("b", "street-2", None)
    assert desk.incidents == 2


def test_configured_overlap_joins_uncalibrated_views_when_there_is_no_choice() -> None:
    settings = FusionSettings(overlaps=(Overlap(views=("street-1", "street-2")),))
    desk = Desk(settings)
    desk.see("a", "street-1", None)
    desk.see("b", "street-2", None, at_s=30)
    assert desk.incidents == 1
    desk = Desk(settings)
    desk.see("a", "street-1", None, box=(0.1, 0.4, 0.2, 0.6))
    desk.see("a2", "street-1", None, box=(0.7, 0.4, 0.8, 0.6))
    desk.see("b", "street-2", None, at_s=30)
    assert desk.incidents == 3


def test_a_lost_end_does_not_keep_an_incident_open_for_ever() -> None:
    desk = Desk()
    desk.see("a", "street-1", (10, 10))
    for camera in ("street-2", "eagle-1"):
        desk.see(f"b-{camera}", camera, (10, 10), lasts_s=300, ended=True)
    desk.see("c", "street-2", (10, 10), at_s=3000, box=(0.4, 0.4, 0.5, 0.6))
    assert desk.incidents == 2


def test_the_sharpest_of_the_confident_leads_and_the_place_is_of_all() -> None:
    desk = Desk()
    desk.see("far", "street-1", (11.0, 10), sigma=(2.0, 0.5), confidence=0.9)
    incident = desk.see("near", "street-2", (10.0, 10), sigma=(0.4, 0.3), confidence=0.8)
    assert incident.view == ViewKey("street-2")
    assert incident.place is not None
    east, _ = PLANE.to_metres((incident.place.lon, incident.place.lat))
    assert 10.0 < east < 10.5
    assert incident.place.sigma_m[0] < 0.6


def test_recurrence_is_found_across_cameras() -> None:
    desk = Desk()
    first = desk.see("a", "street-1", (10, 10), ended=True, lasts_s=100)
    again = sighting("b", "eagle-1", at_s=4000)
    lon, lat = PLANE.to_lonlat((10.2, 10.1))
    place = Place(float(lon), float(lat), SHARP)
    policy = SkyGroundPolicy()
    assert policy.decide(again, place, [first]) is None
    assert policy.recurrence_of(again, place, [first]) == first.incident_id


def test_the_ledger_links_a_recurrence_seen_by_another_camera() -> None:
    desk = Desk()
    first = desk.see("a", "street-1", (10, 10), ended=True, lasts_s=100)
    again = desk.see("b", "eagle-1", (10.2, 10.1), at_s=4000)
    assert again.incident_id != first.incident_id
    assert again.recurrence_of == first.incident_id


def test_a_resend_is_the_same_incident() -> None:
    desk = Desk()
    first = desk.see("a", "street-1", (10, 10))
    assert desk.see("a", "street-1", (10, 10)) == first


def test_a_view_that_begins_anew_long_after_says_that_its_last_one_was_over() -> None:
    desk = Desk()
    desk.see("a", "street-1", (10, 10))  # its end was lost
    desk.see("b", "eagle-1", (10, 10), ended=True)
    desk.see("c", "street-1", (10, 10), at_s=3000)
    assert desk.incidents == 2


def test_a_view_that_lost_sight_joins_again_what_most_others_still_show() -> None:
    desk = Desk()
    desk.see("a", "street-1", (10, 10))
    desk.see("b", "eagle-1", (10, 10))
    desk.see("b2", "street-2", (10, 10))
    desk.see("c", "street-1", (10, 10), at_s=3000)
    assert desk.incidents == 1


def test_of_two_neighbours_the_one_that_began_with_it_is_joined() -> None:
    desk = Desk()
    early = desk.see("a", "street-1", (10, 10), box=(0.2, 0.4, 0.3, 0.6), lasts_s=300)
    late = desk.see("b", "street-1", (15, 10), box=(0.6, 0.4, 0.7, 0.6), at_s=80, lasts_s=300)
    wide = {"sigma": (2.0, 0.4), "heading": 90.0, "lasts_s": 300}
    joined = desk.see("c", "street-2", (12.3, 10), at_s=85, **wide)
    assert joined.incident_id == late.incident_id != early.incident_id


@pytest.mark.parametrize(("at_s", "incidents"), [(5.0, 1), (200.0, 2)])
def test_a_doubtful_place_is_no_stranger_if_it_began_at_the_same_time(
    at_s: float, incidents: int
) -> None:
    desk = Desk()
    desk.see("a", "street-1", (10, 10), lasts_s=600)
    wide = {"sigma": (2.5, 0.4), "heading": 90.0, "lasts_s": 300}
    desk.see("b", "street-2", (16, 10), at_s=at_s, **wide)
    assert desk.incidents == incidents
