"""What verdicts teach the detector, type by type."""

from __future__ import annotations

import pytest

from api.lessons import SPLIT_EVERY, lesson, split_of

PERSON = (0.40, 0.20, 0.60, 0.90)
HEAD = (0.47, 0.20, 0.53, 0.30)
WORKER = PERSON  # the claim holds person and head
HEAP = (0.10, 0.60, 0.30, 0.80)
FAR = (0.80, 0.10, 0.90, 0.20)


def test_an_accepted_missing_helmet_labels_the_head_not_the_person() -> None:
    lower = (0.42, 0.50, 0.48, 0.60)
    seen = [(PERSON, "person"), (lower, "bare_head"), (HEAD, "bare_head"), (FAR, "helmet")]
    taught = lesson("missing_helmet", WORKER, seen, [], is_there=True)
    assert taught is not None
    assert taught.boxes == ((HEAD, "bare_head"),)
    assert taught.doubts == ((lower, "bare_head"),)
    assert taught.labelled == ("bare_head",)


def test_the_head_of_somebody_taller_behind_is_not_the_claimed_one() -> None:
    behind, again = (0.54, 0.17, 0.60, 0.27), (0.475, 0.205, 0.53, 0.30)
    seen = [(behind, "bare_head"), (HEAD, "bare_head"), (again, "bare_head")]
    taught = lesson("missing_helmet", WORKER, seen, [], is_there=True)
    assert taught is not None
    assert taught.boxes == ((HEAD, "bare_head"),)
    assert taught.doubts == ((behind, "bare_head"),)
    denied = lesson("missing_helmet", WORKER, seen, [], is_there=False)
    assert denied is not None
    assert denied.doubts == ((behind, "bare_head"),)


def test_where_no_head_was_seen_an_accepted_missing_helmet_teaches_nothing() -> None:
    assert lesson("missing_helmet", WORKER, [(PERSON, "person")], [], is_there=True) is None


def test_a_rejected_head_is_no_head_and_no_doubt() -> None:
    seen = [(HEAD, "bare_head"), (FAR, "bare_head")]
    taught = lesson("missing_helmet", WORKER, seen, [], is_there=False)
    assert taught is not None
    assert taught.boxes == ()
    assert taught.doubts == ((FAR, "bare_head"),)


def test_a_stall_within_its_footprint_is_the_label() -> None:
    stall, footprint = (0.45, 0.40, 0.55, 0.55), (0.30, 0.30, 0.70, 0.80)
    taught = lesson("street_vending", footprint, [(stall, "parasol")], [], is_there=True)
    assert taught is not None
    assert taught.boxes == ((stall, "parasol"),)
    assert taught.labelled == ("parasol",)
    denied = lesson("street_vending", footprint, [(stall, "parasol")], [], is_there=False)
    assert denied is not None
    assert denied.doubts == ()
    assert set(denied.labelled) == {"stall", "parasol", "tricycle"}


@pytest.mark.parametrize(
    ("incident_type", "label"),
    [("garbage", "garbage"), ("overflowing_bin", "overflowing_bin"), ("street_vending", "stall")],
)
def test_what_the_detector_did_not_see_is_labelled_by_its_claim(
    incident_type: str, label: str
) -> None:
    taught = lesson(incident_type, HEAP, [(FAR, "person")], [], is_there=True)
    assert taught is not None
    assert taught.boxes == ((HEAP, label),)


@pytest.mark.parametrize("is_there", [True, False])
def test_other_claims_in_the_picture_are_left_open(is_there: bool) -> None:
    taught = lesson("garbage", HEAP, [(HEAP, "garbage")], [FAR], is_there=is_there)
    assert taught is not None
    assert taught.doubts == ((FAR, "garbage"),)


def test_a_crowd_teaches_the_detector_nothing() -> None:
    assert lesson("crowding", HEAP, [(PERSON, "person")], [], is_there=True) is None


def test_a_camera_day_stays_in_its_split_and_about_one_in_five_is_kept_back() -> None:
    groups = [f"camera-{n}/2026-11-{day:02}" for n in range(20) for day in range(1, 31)]
    kept = sum(split_of(group) == "val" for group in groups)
    assert len(groups) / SPLIT_EVERY * 0.7 < kept < len(groups) / SPLIT_EVERY * 1.3
    assert [split_of(group) for group in reversed(groups)] == [split_of(g) for g in groups][::-1]
