"""NAL units of H.264 and H.265: splitting, parameter sets, and one byte-stream form for both.

Sources: ITU-T H.264 Annex B and table 7-1, ITU-T H.265 Annex B and table 7-1, ISO/IEC 14496-15
(avcC §5.3.3.1, hvcC §8.3.3.1).
"""

from streams.types import CodecInfo

START_CODE = b"\x00\x00\x00\x01"

_H264_PARAMETER_SETS = frozenset({7, 8})  # SPS, PPS
_HEVC_PARAMETER_SETS = frozenset({32, 33, 34})  # VPS, SPS, PPS
_H264_SPS, _HEVC_SPS = 7, 33


def nal_type(codec_name: str, nal: bytes) -> int:
    """Return `nal_unit_type`, or -1 for an empty unit."""
    if not nal:
        return -1
    return (nal[0] >> 1) & 0x3F if codec_name == "hevc" else nal[0] & 0x1F


def is_picture(codec_name: str, nal: bytes) -> bool:
    """Return whether the unit carries a slice of a picture (a VCL unit)."""
    kind = nal_type(codec_name, nal)
    return 0 <= kind <= 31 if codec_name == "hevc" else 1 <= kind <= 5


def has_picture(codec_name: str, data: bytes) -> bool:
    """Return whether an Annex B packet carries a slice; looks at its first 64 units at most."""
    start = data.find(b"\x00\x00\x01")
    for _ in range(64):
        if start < 0:
            break
        if is_picture(codec_name, data[start + 3 : start + 4]):
            return True
        start = data.find(b"\x00\x00\x01", start + 3)
    return False


def split_annexb(data: bytes) -> list[bytes]:
    """Split a byte stream at its start codes; bytes before the first one are dropped."""
    units = []
    start = data.find(b"\x00\x00\x01")
    while start >= 0:
        begin = start + 3
        start = data.find(b"\x00\x00\x01", begin)
        unit = data[begin : start if start >= 0 else len(data)].rstrip(b"\x00")
        if unit:
            units.append(unit)
    return units


def split_lengths(data: bytes, length_size: int) -> list[bytes]:
    """Split length-prefixed units; a length beyond the end stops the walk."""
    units, at = [], 0
    while at + length_size <= len(data):
        size = int.from_bytes(data[at : at + length_size], "big")
        at += length_size
        if size == 0 or at + size > len(data):
            break
        units.append(data[at : at + size])
        at += size
    return units


def length_size(codec: CodecInfo) -> int:
    """Return how many bytes a length prefix has, 0 when the packets are an Annex B stream."""
    extradata = codec.extradata
    if not extradata or extradata[0] != 1:
        return 0
    at = 21 if codec.name == "hevc" else 4
    return (extradata[at] & 3) + 1 if len(extradata) > at else 4


def units(codec: CodecInfo, data: bytes) -> list[bytes]:
    """Split the bytes of one packet into NAL units, in whichever form the container used."""
    size = length_size(codec)
    return split_lengths(data, size) if size else split_annexb(data)


def join(nals: list[bytes]) -> bytes:
    """Return the units as one Annex B byte stream."""
    return b"".join(START_CODE + nal for nal in nals)


def codec_parameter_sets(codec: CodecInfo) -> list[bytes]:
    """Return the parameter sets in `codec.extradata`; empty when there are none."""
    extradata = codec.extradata
    if not length_size(codec):
        return _only_parameter_sets(codec.name, split_annexb(extradata))
    found = _hvcc_units(extradata) if codec.name == "hevc" else _avcc_units(extradata)
    return _only_parameter_sets(codec.name, found)


def leading_parameter_sets(codec_name: str, data: bytes) -> list[bytes]:
    """Return the parameter sets before the first slice of an Annex B packet; reads no further."""
    found = []
    start = data.find(b"\x00\x00\x01")
    while start >= 0:
        begin = start + 3
        if is_picture(codec_name, data[begin : begin + 1]):
            break
        start = data.find(b"\x00\x00\x01", begin)
        found.append(data[begin : start if start >= 0 else len(data)].rstrip(b"\x00"))
    return _only_parameter_sets(codec_name, found)


def sequence_sets(codec_name: str, nals: list[bytes]) -> list[bytes]:
    """Return the sequence parameter sets among the units: they fix size and profile."""
    wanted = _HEVC_SPS if codec_name == "hevc" else _H264_SPS
    return [nal for nal in nals if nal_type(codec_name, nal) == wanted]


def _only_parameter_sets(codec_name: str, nals: list[bytes]) -> list[bytes]:
    wanted = _HEVC_PARAMETER_SETS if codec_name == "hevc" else _H264_PARAMETER_SETS
    return [nal for nal in nals if nal_type(codec_name, nal) in wanted]


def _avcc_units(extradata: bytes) -> list[bytes]:
    if len(extradata) < 7:
        return []
    at, found = 6, []
    for count in (extradata[5] & 0x1F, None):
        if count is None:  # the picture parameter sets follow the sequence parameter sets
            if at >= len(extradata):
                break
            count, at = extradata[at], at + 1
        nals, at = _counted_units(extradata, at, count)
        found += nals
    return found


def _hvcc_units(extradata: bytes) -> list[bytes]:
    if len(extradata) < 23:
        return []
    at, found = 23, []
    for _ in range(extradata[22]):
        if at + 3 > len(extradata):
            break
        count = int.from_bytes(extradata[at + 1 : at + 3], "big")
        nals, at = _counted_units(extradata, at + 3, count)
        found += nals
    return found


def _counted_units(extradata: bytes, at: int, count: int) -> tuple[list[bytes], int]:
    found = []
    for _ in range(count):
        size = int.from_bytes(extradata[at : at + 2], "big")
        if size == 0 or at + 2 + size > len(extradata):
            break
        found.append(extradata[at + 2 : at + 2 + size])
        at += 2 + size
    return found, at
