import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams import nal
from streams.types import CodecInfo

SPS, PPS, IDR = b"\x67\x64\x00\x28", b"\x68\xee\x3c", b"\x65\x88\x84"
AVCC = (
    b"\x01\x64\x00\x28\xff\xe1" + len(SPS).to_bytes(2, "big") + SPS
    + b"\x01" + len(PPS).to_bytes(2, "big") + PPS
)  # fmt: skip


def h264(extradata: bytes) -> CodecInfo:
    return CodecInfo("h264", 0, 0, extradata)


def test_splits_both_lengths_of_start_code():
    data = b"\x00\x00\x00\x01" + SPS + b"\x00\x00\x01" + PPS + b"\x00\x00\x00\x01" + IDR
    assert nal.split_annexb(data) == [SPS, PPS, IDR]


def test_splits_length_prefixes_and_stops_at_a_lie():
    good = len(IDR).to_bytes(4, "big") + IDR
    assert nal.split_lengths(good + b"\x00\xff\xff\xff" + IDR, 4) == [IDR]


def test_reads_parameter_sets_of_both_container_forms():
    assert nal.codec_parameter_sets(h264(AVCC)) == [SPS, PPS]
    assert nal.codec_parameter_sets(h264(nal.join([SPS, PPS]))) == [SPS, PPS]
    assert nal.codec_parameter_sets(h264(b"")) == []


def test_leading_parameter_sets_stop_at_the_first_slice():
    packet = nal.join([b"\x09\xf0", SPS, PPS, IDR, PPS])
    assert nal.leading_parameter_sets("h264", packet) == [SPS, PPS]
    assert nal.sequence_sets("h264", [SPS, PPS]) == [SPS]


def test_a_packet_is_the_same_in_either_form():
    prefixed = b"".join(len(n).to_bytes(4, "big") + n for n in (SPS, IDR))
    annexb = nal.join([SPS, IDR])
    assert nal.units(h264(AVCC), prefixed) == nal.units(h264(b""), annexb) == [SPS, IDR]


@pytest.mark.parametrize("name", ["h264", "hevc"])
@given(data=st.binary(max_size=300), extradata=st.binary(max_size=80))
def test_arbitrary_bytes_are_only_ever_split(name, data, extradata):
    for first in (b"", b"\x01"):
        codec = CodecInfo(name, 0, 0, first + extradata)
        found = nal.units(codec, data) + nal.codec_parameter_sets(codec)
        assert sum(map(len, found)) <= len(data) + len(extradata) + 1
        nal.leading_parameter_sets(name, data)


@given(st.lists(st.binary(min_size=1, max_size=20), max_size=8))
def test_what_is_joined_splits_again(nals):
    clean = [n for n in nals if not n.endswith(b"\x00") and b"\x00\x00" not in n]
    assert nal.split_annexb(nal.join(clean)) == clean
