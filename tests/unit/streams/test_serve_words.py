from pathlib import Path

import pytest

from streams.errors import ServeError
from streams.serve.media import MAX_PAYLOAD_BYTES, _payloads
from streams.serve.mount import MountSpec


def test_a_camera_is_described_in_one_word():
    spec = MountSpec.parse("gate=a.mp4+b.mp4,stall_after=2.5,loss=0.1,account=u:p")
    assert spec == MountSpec("gate", (Path("a.mp4"), Path("b.mp4")), 2.5, loss=0.1, account="u:p")


@pytest.mark.parametrize("text", ["gate", "=a.mp4", "gate=", "gate=a.mp4,sings"])
def test_a_wrong_word_is_refused(text):
    with pytest.raises(ServeError):
        MountSpec.parse(text)


def test_a_small_unit_travels_as_it_is():
    assert _payloads("h264", b"\x65abc") == [b"\x65abc"]


def test_a_large_h264_unit_is_rebuilt_from_its_fragments():
    unit = b"\x65" + bytes(range(256)) * 20
    parts = _payloads("h264", unit)
    assert all(len(part) <= MAX_PAYLOAD_BYTES for part in parts)
    assert [part[1] >> 6 for part in parts] == [2] + [0] * (len(parts) - 2) + [1]
    header = bytes([(parts[0][0] & 0xE0) | (parts[0][1] & 0x1F)])
    assert header + b"".join(part[2:] for part in parts) == unit


def test_a_large_h265_unit_is_rebuilt_from_its_fragments():
    unit = b"\x26\x01" + bytes(range(256)) * 20
    parts = _payloads("hevc", unit)
    kind = parts[0][2] & 0x3F
    header = bytes([(parts[0][0] & 0x81) | (kind << 1), parts[0][1]])
    assert header + b"".join(part[3:] for part in parts) == unit
