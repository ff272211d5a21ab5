from datetime import UTC, datetime

import pytest

from streams.types import CodecInfo, Packet

CODEC = CodecInfo("h264", 320, 180)


@pytest.fixture
def make_packet():
    def make(timestamp_s=0.0, *, key=False, size=100, epoch=0, decode_s=None):
        return Packet(
            camera_id="gate",
            timestamp_s=timestamp_s,
            decode_s=timestamp_s if decode_s is None else decode_s,
            duration_s=0.04,
            captured_at=datetime(2026, 1, 1, tzinfo=UTC),
            is_keyframe=key,
            data=b"\x00" * size,
            codec=CODEC,
            epoch=epoch,
        )

    return make


@pytest.fixture
def make_stream(make_packet):
    def make(seconds, *, fps=10, gop=10, start_s=0.0, epoch=0, size=100):
        count = round(seconds * fps)
        return [
            make_packet(start_s + i / fps, key=i % gop == 0, epoch=epoch, size=size)
            for i in range(count)
        ]

    return make
