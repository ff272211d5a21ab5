"""Damaged packets through ring, decoder and clip: an error or a result, never a crash or a hang."""

import dataclasses
import itertools
from contextlib import suppress

import numpy as np
import pytest

from streams.clip import write_clip
from streams.decode import FrameDecoder, decode_pictures
from streams.errors import ClipError, DecodeError
from streams.ring import PacketRing
from streams.types import CodecInfo


def damage(packet, rng):
    """Return the packet with some of its bytes, times, flags or parameter sets made up."""
    data = bytearray(packet.data)
    kind = rng.integers(0, 6)
    if kind == 0:
        data = bytearray(rng.bytes(int(rng.integers(0, 300))))
    elif kind == 1:
        del data[int(rng.integers(0, len(data))) :]
    elif kind == 2:
        for at in rng.integers(0, len(data), 10):
            data[at] = int(rng.integers(0, 256))
    elif kind == 3:
        codec = CodecInfo(packet.codec.name, 0, 0, rng.bytes(int(rng.integers(0, 60))))
        return dataclasses.replace(packet, codec=codec)
    elif kind == 4:
        return dataclasses.replace(packet, is_keyframe=not packet.is_keyframe)
    else:
        lie_s = packet.timestamp_s + float(rng.normal(0, 5))
        return dataclasses.replace(packet, timestamp_s=lie_s, decode_s=lie_s)
    return dataclasses.replace(packet, data=bytes(data))


@pytest.mark.parametrize("kind", ["b_frames", "hevc_b_frames"])
@pytest.mark.parametrize("seed", range(6))
def test_damaged_packets_are_survived_everywhere(kind, seed, clip, read_packets, tmp_path):
    rng = np.random.default_rng(seed)
    ring = PacketRing(max_s=5.0, max_bytes=60_000)
    for packet in read_packets(clip(kind)):
        ring.append(damage(packet, rng) if rng.random() < 0.4 else packet)
        assert ring.stats.bytes <= 60_000
    span = ring.span(float("-inf"), float("inf"))
    frames = list(decode_pictures(span))
    assert all(a.timestamp_s <= b.timestamp_s for a, b in itertools.pairwise(frames))
    try:
        summary = write_clip(span, tmp_path / "clip.mp4")
    except ClipError:
        assert list(tmp_path.iterdir()) == []
    else:
        assert summary.bytes == summary.path.stat().st_size


@pytest.mark.parametrize("wait", [True, False])
def test_a_decoder_goes_on_after_any_damage(wait, clip, read_packets):
    rng = np.random.default_rng(11)
    packets = read_packets(clip("plain"))
    decoder = FrameDecoder(wait_for_keyframe=wait)
    for _ in range(10):
        for packet in packets:
            with suppress(DecodeError):
                decoder.decode(damage(packet, rng))
    assert decoder.errors > 5
    decoder.reset()
    pictures = [picture for packet in packets for picture in decoder.decode(packet)]
    assert len(pictures + decoder.flush()) == len(packets)
