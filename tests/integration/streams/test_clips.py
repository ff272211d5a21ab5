"""Evidence clips of every kind of stream, read back picture by picture."""

import dataclasses
import itertools
import os
import subprocess

import av
import numpy as np
import pytest

from streams.clip import transcode_h264, write_clip
from streams.errors import ClipError
from streams.ring import PacketRing
from streams.source import SourceOptions, open_source
from streams.types import CodecInfo

KINDS = ["plain", "b_frames", "hevc", "hevc_b_frames", "variable"]


def shown(path):
    """Return the time of every picture of a clip, decoded, and the pictures."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
        return [f.time for f in frames], [f.to_ndarray(format="gray") for f in frames]


@pytest.mark.parametrize("kind", KINDS)
def test_a_clip_has_the_pictures_and_the_times_of_its_packets(kind, clip, read_packets, tmp_path):
    packets = read_packets(clip(kind))
    summary = write_clip(packets, tmp_path / "clip.mp4")
    times_s, pictures = shown(summary.path)
    wanted_s, wanted = shown(clip(kind))
    assert times_s == pytest.approx(wanted_s, abs=2e-4)
    assert all(np.array_equal(a, b) for a, b in zip(pictures, wanted, strict=True))
    assert summary.pictures == len(packets)
    assert summary.start_s == packets[0].timestamp_s
    assert summary.end_s - summary.start_s == pytest.approx(wanted_s[-1] + 0.04, abs=0.05)
    assert summary.bytes == summary.path.stat().st_size


@pytest.mark.parametrize(("kind", "tag"), [("plain", "avc1"), ("hevc", "hvc1")])
def test_players_can_start_before_the_whole_clip_has_come(kind, tag, clip, read_packets, tmp_path):
    path = write_clip(read_packets(clip(kind)), tmp_path / "clip.mp4").path
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    assert tag.encode() in data


@pytest.mark.parametrize("kind", ["plain", "b_frames", "hevc_b_frames"])
def test_a_clip_of_a_camera_is_whole(kind, clip, street, tmp_path):
    with open_source("gate", street.url(kind)) as source:
        packets = list(itertools.islice(source, 30))
    times_s, pictures = shown(write_clip(packets, tmp_path / "clip.mp4").path)
    _, wanted = shown(clip(kind))
    assert len(times_s) == 30
    # The last ones wait for pictures that were still to come.
    assert times_s[:26] == pytest.approx([i / 25 for i in range(26)], abs=2e-3)
    assert all(np.array_equal(a, b) for a, b in zip(pictures[:26], wanted, strict=False))


@pytest.mark.parametrize("kind", ["plain", "b_frames"])
def test_missing_and_garbled_decoding_times_do_no_harm(kind, clip, read_packets, tmp_path):
    packets = [dataclasses.replace(p, decode_s=0.0) for p in read_packets(clip(kind))]
    times_s, _ = shown(write_clip(packets, tmp_path / "clip.mp4").path)
    assert times_s == pytest.approx([i / 25 for i in range(50)], abs=2e-4)


def test_packets_with_one_and_the_same_time_are_all_kept(clip, read_packets, tmp_path):
    packets = read_packets(clip("plain"))
    frozen = [dataclasses.replace(p, timestamp_s=packets[0].timestamp_s) for p in packets]
    times_s, _ = shown(write_clip(frozen, tmp_path / "clip.mp4").path)
    assert len(times_s) == 50
    assert all(b > a for a, b in itertools.pairwise(times_s))


def test_a_clip_cut_from_the_ring_begins_at_a_keyframe(clip, read_packets, tmp_path):
    ring = PacketRing()
    for packet in read_packets(clip("b_frames")):
        ring.append(packet)
    start_s = ring.keyframes()[0].timestamp_s
    summary = write_clip(ring.span(start_s + 1.3, start_s + 1.8), tmp_path / "clip.mp4")
    assert summary.start_s - start_s == pytest.approx(1.0, abs=0.01)
    times_s, _ = shown(summary.path)
    assert times_s[0] == 0.0


def test_packets_before_the_first_keyframe_are_left_out(clip, read_packets, tmp_path):
    packets = read_packets(clip("plain"))
    summary = write_clip(packets[10:], tmp_path / "clip.mp4")
    assert summary.start_s == packets[25].timestamp_s
    assert summary.pictures == 25


def test_parameter_sets_in_the_stream_alone_are_enough(street, tmp_path):
    with open_source("gate", street.url("plain")) as source:
        packets = list(itertools.islice(source, 20))
    bare = CodecInfo("h264", 0, 0)
    stripped = [dataclasses.replace(p, codec=bare) for p in packets]
    summary = write_clip(stripped, tmp_path / "clip.mp4")
    assert summary.size == (160, 96)
    assert len(shown(summary.path)[0]) == 20


def test_what_cannot_become_a_clip_is_refused_and_leaves_nothing(clip, read_packets, tmp_path):
    packets = read_packets(clip("plain"))
    garbage = [dataclasses.replace(packets[0], data=os.urandom(500), codec=CodecInfo("h264", 0, 0))]
    two_epochs = [*packets[:10], *(dataclasses.replace(p, epoch=7) for p in packets[10:20])]
    for wrong, reason in ((packets[1:5], "keyframe"), ([], "keyframe"), (two_epochs, "epoch")):
        with pytest.raises(ClipError, match=reason):
            write_clip(wrong, tmp_path / "clip.mp4")
    with pytest.raises(ClipError, match="camera gate"):
        write_clip(garbage, tmp_path / "clip.mp4")
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_refuses_leaves_the_old_clip(clip, read_packets, tmp_path):
    packets = read_packets(clip("plain"))
    with pytest.raises(ClipError, match="No such file"):
        write_clip(packets, tmp_path / "missing" / "clip.mp4")
    path = write_clip(packets, tmp_path / "clip.mp4").path
    before = path.read_bytes()
    script = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "from streams.clip import write_clip; from streams.errors import ClipError\n"
        "from streams.source import SourceOptions, open_source\n"
        "source = open_source('gate', sys.argv[1], SourceOptions(pace='fast'))\n"
        "try: write_clip(list(source), sys.argv[2])\n"
        "except ClipError as error: print('refused', error)\n"
    )
    said = subprocess.run(
        [os.sys.executable, "-c", script, str(clip("plain")), str(path)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert "refused" in said.stdout, said.stderr
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["clip.mp4"]


@pytest.mark.parametrize("kind", ["hevc_b_frames", "variable"])
def test_the_copy_for_browsers_shows_the_same_at_the_same_times(kind, clip, tmp_path):
    path = transcode_h264(clip(kind), tmp_path / "copy.mp4")
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
    times_s, pictures = shown(path)
    wanted_s, wanted = shown(clip(kind))
    assert times_s == pytest.approx(wanted_s, abs=2e-4)
    errors = [np.abs(a.astype(int) - b).mean() for a, b in zip(pictures, wanted, strict=True)]
    assert max(errors) < 10


def test_a_copy_of_nonsense_is_refused(tmp_path):
    (tmp_path / "noise.mp4").write_bytes(os.urandom(4000))
    with pytest.raises(ClipError, match="cannot transcode"):
        transcode_h264(tmp_path / "noise.mp4", tmp_path / "copy.mp4")
    with pytest.raises(ClipError, match="cannot transcode"):
        transcode_h264(tmp_path / "missing.mp4", tmp_path / "copy.mp4")
    assert [p.name for p in tmp_path.iterdir()] == ["noise.mp4"]


def test_packets_survive_the_way_through_a_clip_byte_by_byte(clip, read_packets, tmp_path):
    first = write_clip(read_packets(clip("b_frames")), tmp_path / "a.mp4").path
    second = write_clip(read_packets(first), tmp_path / "b.mp4").path
    assert [p.data for p in read_packets(first)] == [p.data for p in read_packets(second)]


def test_options_of_a_clip_source_default_to_real_time():
    assert SourceOptions().pace == "realtime"
