import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.ring import PACKET_OVERHEAD_BYTES, PacketRing


def filled(packets, **bounds):
    ring = PacketRing(**bounds)
    for packet in packets:
        ring.append(packet)
    return ring


def test_holds_no_more_seconds_than_asked_and_begins_at_a_keyframe(make_stream):
    ring = filled(make_stream(60), max_s=30.0)
    assert 28.0 <= ring.stats.span_s <= 30.0
    assert ring.span(0.0, 1e9)[0].is_keyframe
    assert ring.stats.dropped == 0


def test_bytes_are_a_bound_of_their_own_and_count_as_drops(make_stream):
    bound = 50 * (1000 + PACKET_OVERHEAD_BYTES)
    ring = filled(make_stream(20, size=1000), max_bytes=bound)
    assert ring.stats.bytes <= bound
    assert ring.stats.dropped == 200 - ring.stats.packets


def test_whole_groups_of_pictures_leave_together(make_stream):
    ring = filled(make_stream(5.1), max_s=3.0)
    held = ring.span(float("-inf"), 1e9)
    assert held[0].is_keyframe
    assert len(held) == ring.stats.packets


def test_a_group_longer_than_the_ring_is_cut_from_the_front(make_stream):
    ring = filled(make_stream(40, gop=10_000), max_s=10.0)
    assert ring.stats.span_s == pytest.approx(10.0, abs=0.11)
    assert ring.newest_keyframe() is None
    assert ring.span(35.0, 1e9) == []


def test_a_packet_beyond_the_bound_is_refused(make_packet):
    ring = filled([make_packet(key=True, size=5000)], max_bytes=1000)
    assert ring.stats.packets == 0
    assert ring.stats.dropped == 1


def test_a_span_begins_at_the_keyframe_before_it(make_stream):
    span = filled(make_stream(10)).span(4.55, 6.0)
    assert span[0].timestamp_s == 4.0
    assert span[-1].timestamp_s == pytest.approx(6.0)


def test_a_span_before_the_oldest_packet_begins_at_the_oldest_keyframe(make_stream):
    ring = filled(make_stream(10))
    assert ring.span(-50.0, 2.0)[0].timestamp_s == 0.0
    assert ring.span(-50.0, -1.0) == []


def test_a_span_never_crosses_an_epoch(make_stream):
    ring = filled(make_stream(5) + make_stream(5, start_s=5.0, epoch=1))
    assert {p.epoch for p in ring.span(3.0, 9.0)} == {0}
    assert {p.epoch for p in ring.span(5.5, 9.0)} == {1}


def test_a_span_of_a_named_epoch_begins_at_its_first_keyframe(make_stream):
    ring = filled(make_stream(5) + make_stream(5, start_s=5.0, epoch=1))
    assert [p.timestamp_s for p in ring.span(3.0, 9.0, 1)][:1] == [5.0]
    assert ring.span(3.0, 9.0, 1)[-1].timestamp_s == pytest.approx(9.0)
    assert ring.span(6.5, 9.0, 1)[0].timestamp_s == 6.0
    assert ring.span(3.0, 4.5, 1) == []
    assert ring.span(3.0, 9.0, 2) == []


def test_a_span_keeps_the_reference_of_its_last_b_frames(make_packet):
    packets = [make_packet(0.0, key=True), make_packet(0.12, decode_s=0.04)]
    packets += [make_packet(0.04, decode_s=0.08), make_packet(0.08, decode_s=0.12)]
    assert len(filled(packets).span(0.0, 0.09)) == 3


def test_keyframes_are_listed_from_a_time_on(make_stream):
    ring = filled(make_stream(5))
    assert [p.timestamp_s for p in ring.keyframes(2.5)] == [3.0, 4.0]
    assert ring.newest_keyframe().timestamp_s == 4.0


def test_a_cursor_begins_at_the_newest_keyframe_and_then_reads_what_is_new(
    make_stream, make_packet
):
    ring = filled(make_stream(2.5))
    cursor = ring.cursor()
    assert [p.timestamp_s for p in cursor.take()] == pytest.approx([2.0, 2.1, 2.2, 2.3, 2.4])
    assert cursor.take() == []
    ring.append(make_packet(2.5))
    assert [p.timestamp_s for p in cursor.take()] == [2.5]


def test_a_cursor_that_was_overtaken_goes_on_at_a_keyframe_and_counts(make_stream):
    ring = filled(make_stream(3), max_s=3.0)
    cursor = ring.cursor(0.0)
    for packet in make_stream(10, start_s=3.0):
        ring.append(packet)
    packets = cursor.take()
    assert packets[0].is_keyframe
    assert cursor.missed + len(packets) == 130


def test_the_gap_of_keyframes_is_the_last_whole_one_or_the_one_that_grows(make_stream):
    stream = make_stream(25, gop=100)  # keyframes at 0, 10 and 20 s
    assert filled([]).keyframe_gap_s() == 0.0
    assert filled(stream[:30]).keyframe_gap_s() == pytest.approx(2.9)
    assert filled(stream[:101]).keyframe_gap_s() == pytest.approx(10.0)
    assert filled(stream[:230], max_s=30.0).keyframe_gap_s() == pytest.approx(10.0)
    assert filled(stream[1:50]).keyframe_gap_s() == pytest.approx(4.8)


def test_an_outage_between_two_epochs_is_no_gap_of_keyframes(make_stream):
    ring = filled(make_stream(2) + make_stream(0.5, start_s=60.0, epoch=1), max_s=100.0)
    assert ring.keyframe_gap_s() == pytest.approx(0.4)


@pytest.mark.parametrize("bounds", [{"max_s": 0}, {"max_bytes": 0}])
def test_bounds_must_be_above_zero(bounds):
    with pytest.raises(ValueError, match="above 0"):
        PacketRing(**bounds)


packets = st.lists(
    st.tuples(
        st.floats(-1e3, 1e3, allow_nan=False),
        st.booleans(),
        st.integers(0, 3000),
        st.integers(0, 3),
    ),
    max_size=80,
)


@settings(max_examples=200)
@given(packets, st.floats(0.1, 100), st.integers(500, 20_000))
def test_hostile_packets_never_break_a_bound(make_packet_plain, rows, max_s, max_bytes):
    ring = PacketRing(max_s, max_bytes)
    for timestamp_s, key, size, epoch in rows:
        ring.append(make_packet_plain(timestamp_s, key=key, size=size, epoch=epoch))
        stats = ring.stats
        assert stats.bytes <= max_bytes
        assert stats.span_s <= max_s
        assert stats.bytes >= 0
    for span in (ring.span(-10.0, 10.0), ring.span(0.0, 1e9), ring.cursor().take()):
        assert len(span) <= stats.packets if rows else not span
    assert len({p.epoch for p in ring.span(-10.0, 10.0)}) <= 1


@pytest.fixture(scope="module")
def make_packet_plain():
    from datetime import UTC, datetime

    from streams.types import CodecInfo, Packet

    codec, at = CodecInfo("h264", 0, 0), datetime(2026, 1, 1, tzinfo=UTC)

    def make(timestamp_s, *, key, size, epoch):
        data = bytes(size)
        return Packet("c", timestamp_s, timestamp_s, 0.04, at, key, data, codec, epoch)

    return make
