import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.timeline import Stamp, Timeline

NOON_S = 1_800_000_000.0


def place_all(timeline, stamps, arrivals=None):
    arrivals = arrivals or [NOON_S] * len(stamps)
    return [timeline.place(s, a) for s, a in zip(stamps, arrivals, strict=True)]


def steady(count, start_s=0.0, step_s=0.04):
    return [Stamp(start_s + i * step_s, start_s + i * step_s, step_s) for i in range(count)]


def test_media_time_begins_at_the_wall_clock_and_follows_the_stream():
    places = place_all(Timeline(live=True), steady(3, start_s=77.0))
    assert [p.timestamp_s - NOON_S for p in places] == pytest.approx([0.0, 0.04, 0.08], abs=1e-6)
    assert not any(p.jumped for p in places)


def test_a_variable_frame_rate_is_kept():
    stamps = [Stamp(t, t) for t in (5.0, 5.5, 5.6, 8.0)]
    places = place_all(Timeline(live=False), stamps)
    assert [p.timestamp_s - NOON_S for p in places] == pytest.approx([0, 0.5, 0.6, 3.0], abs=1e-6)


def test_b_frames_keep_their_order_of_presentation():
    stamps = [Stamp(0.08, 0.0), Stamp(0.2, 0.04), Stamp(0.12, 0.08), Stamp(0.16, 0.12)]
    places = place_all(Timeline(live=True), stamps)
    shown = [p.timestamp_s - NOON_S for p in places]
    assert shown == pytest.approx([0.0, 0.12, 0.04, 0.08], abs=1e-6)
    assert all(p.decode_s <= p.timestamp_s for p in places)


@pytest.mark.parametrize(
    ("stamps", "steps"),
    [
        pytest.param([Stamp(None, None)] * 3, [0.0, 0.04, 0.08], id="no stamps at all"),
        pytest.param(
            [Stamp(1.0, 1.0), Stamp(None, 1.04), Stamp(None, 1.08)], [0.0, 0.04, 0.08], id="no pts"
        ),
        pytest.param(
            [Stamp(1.0, None), Stamp(1.04, None), Stamp(1.08, None)], [0.0, 0.04, 0.08], id="no dts"
        ),
        pytest.param(
            [Stamp(1.0, 1.0, 0.1), Stamp(None, None, 0.1), Stamp(1.2, 1.2, 0.1)],
            [0.0, 0.1, 0.2],
            id="a gap in the stamps",
        ),
    ],
)
def test_missing_stamps_are_filled_in(stamps, steps):
    places = place_all(Timeline(live=True), stamps)
    assert [p.timestamp_s - NOON_S for p in places] == pytest.approx(steps, abs=1e-6)


@pytest.mark.parametrize("jump_s", [-3600.0, -0.5, 3600.0], ids=["back", "bit back", "ahead"])
def test_a_jump_of_the_clock_is_stitched_and_told(jump_s):
    timeline = Timeline(live=True)
    stamps = steady(5) + steady(5, start_s=0.2 + jump_s)
    places = place_all(timeline, stamps, [NOON_S + i * 0.04 for i in range(10)])
    assert [i for i, p in enumerate(places) if p.jumped] == [5]
    assert places[9].timestamp_s - NOON_S == pytest.approx(0.36, abs=0.01)


def test_an_honest_pause_is_not_a_jump():
    stamps = [*steady(2), Stamp(60.0, 60.0)]
    places = place_all(Timeline(live=True), stamps, [NOON_S, NOON_S + 0.04, NOON_S + 60.0])
    assert not places[2].jumped
    assert places[2].timestamp_s - NOON_S == pytest.approx(60.0)


def test_after_a_reconnect_media_time_is_the_wall_clock_again_but_never_earlier():
    timeline = Timeline(live=True)
    place_all(timeline, steady(100))
    timeline.restart()
    later = timeline.place(Stamp(0.0, 0.0), NOON_S + 100.0)
    assert later.timestamp_s == NOON_S + 100.0
    timeline.restart()
    wound_back = timeline.place(Stamp(0.0, 0.0), NOON_S - 500.0)
    assert wound_back.timestamp_s > later.timestamp_s


def test_a_looping_clip_goes_on_where_it_ended():
    timeline = Timeline(live=False)
    last = place_all(timeline, steady(10))[-1]
    timeline.restart()
    first = timeline.place(Stamp(0.0, 0.0, 0.04), NOON_S)
    assert first.timestamp_s - last.timestamp_s == pytest.approx(0.04, abs=1e-6)


times = st.one_of(st.none(), st.floats(-1e6, 1e6, allow_nan=False))


@given(st.lists(st.tuples(times, times, st.floats(0, 1e9)), max_size=60), st.booleans())
def test_whatever_the_stamps_decoding_time_never_runs_backwards(rows, live):
    timeline = Timeline(live=live)
    newest = float("-inf")
    for pts_s, dts_s, arrived_s in rows:
        place = timeline.place(Stamp(pts_s, dts_s), arrived_s)
        assert place.decode_s >= newest
        assert place.timestamp_s >= place.decode_s
        newest = place.decode_s
