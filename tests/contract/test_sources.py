"""One contract for every way in: clips and RTSP over TCP and UDP, H.264 and H.265."""

import itertools
import math
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import av
import numpy as np
import pytest

from streams.decode import decode_picture
from streams.errors import SourceEnded, SourceUnavailable
from streams.serve import RtspServer
from streams.source import Session, SourceOptions, is_live, open_source
from streams.testcard import TestCard, draw, write_test_card

CARDS = {
    "h264": TestCard(codec="h264", duration_s=2.0, size=(160, 96), noise=0),
    "hevc": TestCard(codec="hevc", duration_s=2.0, size=(160, 96), noise=0),
}


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    return {name: write_test_card(folder / f"{name}.mp4", card) for name, card in CARDS.items()}


@pytest.fixture(scope="module")
def server(clips):
    with RtspServer({**clips, "locked": f"{clips['h264']},account=guard:s3cret-pw"}) as running:
        yield running


@pytest.fixture(
    params=[
        pytest.param((kind, codec), id=f"{kind}-{codec}")
        for kind, codec in itertools.product(("file", "tcp", "udp"), ("h264", "hevc"))
    ]
)
def way(request, clips, server):
    kind, codec = request.param

    @contextmanager
    def opened(**more):
        if kind == "file":
            url, options = str(clips[codec]), SourceOptions(pace="fast", loop=True)
        else:
            url, options = server.url(codec), SourceOptions(transport=kind, read_timeout_s=5.0)
        with open_source("gate", url, options, **more) as source:
            yield source

    opened.codec = codec
    opened.live = kind != "file"
    return opened


class TestEverySource:
    def test_packets_say_whose_they_are_and_how_to_decode_them(self, way):
        with way() as source:
            packets = list(itertools.islice(source, 16))
        assert source.live is way.live
        first = packets[0]
        assert first.is_keyframe
        assert {p.camera_id for p in packets} == {"gate"}
        assert {p.epoch for p in packets} == {0}
        assert all(p.codec is first.codec for p in packets)
        assert (first.codec.name, first.codec.width, first.codec.height) == (way.codec, 160, 96)
        assert all(isinstance(p.data, bytes) and p.data for p in packets)

    def test_media_time_begins_now_and_follows_the_pictures(self, way):
        began_s = time.time()
        with way() as source:
            packets = list(itertools.islice(source, 16))
        steps_s = np.diff([p.timestamp_s for p in packets])
        assert steps_s == pytest.approx(np.full(15, 0.04), abs=1e-4)
        assert 0 <= packets[0].timestamp_s - began_s < 5.0
        assert all(p.captured_at.tzinfo is UTC for p in packets)

    def test_the_first_keyframe_decodes_to_what_was_filmed(self, way):
        with way() as source:
            frame = decode_picture(next(iter(source))).frame()
        card = CARDS[way.codec]
        error = np.abs(frame.image.astype(int) - draw(card, 0).astype(int)).mean()
        assert frame.image.shape == (96, 160, 3)
        assert not frame.image.flags.writeable
        assert error < 8

    def test_an_order_to_stop_ends_it_at_the_next_packet(self, way):
        session = Session()
        with way(session=session) as source:
            packets = iter(source)
            next(packets)
            session.stop.set()
            assert list(packets) == []

    def test_epoch_and_media_time_go_on_in_the_next_session(self, way):
        session = Session()
        with way(session=session) as source:
            last = list(itertools.islice(source, 10))[-1]
        with way(session=session) as source:
            first = next(iter(source))
        assert first.epoch == last.epoch + 1
        assert first.timestamp_s > last.timestamp_s

    def test_closing_twice_is_no_error(self, way):
        with way() as source:
            source.close()


@pytest.mark.parametrize(
    ("url", "live"),
    [
        ("rtsp://10.0.0.1/1", True),
        ("RTSPS://10.0.0.1/1", True),
        ("clips/a.mp4", False),
        ("rtsp.mp4", False),
    ],
)
def test_an_address_is_told_from_a_path(url, live):
    assert is_live(url) is live


def test_what_cannot_be_opened_says_why_without_the_account(tmp_path, server, clips):
    (tmp_path / "noise.mp4").write_bytes(np.random.default_rng(0).bytes(20_000))
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "list.m3u8").write_text(f"#EXTM3U\n#EXTINF:2,\n{clips['h264']}\n#EXT-X-ENDLIST\n")
    for url in (
        "rtsp://guard:s3cret-pw@127.0.0.1:9/live",
        server.url("locked", "guard:wr0ng-pw"),
        server.url("nowhere", "guard:s3cret-pw"),
        str(tmp_path / "noise.mp4"),
        str(tmp_path / "empty.mp4"),
        str(tmp_path / "list.m3u8"),
        str(tmp_path / "missing.mp4"),
    ):
        with pytest.raises(SourceUnavailable, match=r"cannot open .*, camera gate") as caught:
            open_source("gate", url, SourceOptions(open_timeout_s=3.0))
        assert "-pw" not in f"{caught.value!r} {caught.value.__cause__!r}"
        assert caught.value.__context__ is None


def test_the_right_account_opens_it(server):
    with open_source("gate", server.url("locked", "guard:s3cret-pw")) as source:
        assert next(iter(source)).is_keyframe
        assert "s3cret" not in repr(source)


def test_other_codecs_are_refused_by_name(tmp_path):
    with av.open(str(tmp_path / "old.avi"), "w") as output:
        stream = output.add_stream("mpeg4", rate=Fraction(25))
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        output.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
        output.mux(stream.encode())
    with pytest.raises(SourceUnavailable, match=r"must be H\.264 or H\.265, got mpeg4"):
        open_source("gate", str(tmp_path / "old.avi"))


class TestClips:
    def test_ends_without_an_error(self, clips):
        with open_source("gate", str(clips["h264"]), SourceOptions(pace="fast")) as source:
            assert len(list(source)) == 50

    def test_every_round_of_a_loop_is_an_epoch_and_time_goes_on(self, clips):
        options = SourceOptions(pace="fast", loop=True)
        with open_source("gate", str(clips["h264"]), options) as source:
            packets = list(itertools.islice(source, 120))
        assert [p.epoch for p in packets] == [0] * 50 + [1] * 50 + [2] * 20
        assert np.diff([p.timestamp_s for p in packets]) == pytest.approx(0.04, abs=1e-4)

    def test_is_filmed_when_the_options_say(self, clips):
        at = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
        options = SourceOptions(pace="fast", started_at=at)
        with open_source("gate", str(clips["h264"]), options) as source:
            packets = list(source)
        assert packets[0].timestamp_s == at.timestamp()
        assert packets[25].captured_at - at == timedelta(seconds=1)

    def test_in_real_time_takes_as_long_as_it_lasts(self, clips):
        began_s = time.monotonic()
        with open_source("gate", str(clips["h264"])) as source:
            list(itertools.islice(source, 26))
        assert math.isclose(time.monotonic() - began_s, 1.0, abs_tol=0.4)

    def test_a_clip_cut_off_in_the_middle_gives_what_it_has(self, clips, tmp_path):
        whole = clips["h264"].with_suffix(".mkv")
        write_test_card(whole, CARDS["h264"])
        cut = tmp_path / "cut.mkv"
        cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
        with open_source("gate", str(cut), SourceOptions(pace="fast")) as source:
            assert 5 < len(list(source)) < 50


def test_a_camera_that_hangs_up_raises_instead_of_ending(clips):
    with (
        RtspServer({"gate": clips["h264"]}) as server,
        open_source("gate", server.url("gate")) as source,
    ):
        packets = iter(source)
        next(packets)
        server.kill()
        with pytest.raises(SourceEnded, match="camera gate"):
            list(packets)
