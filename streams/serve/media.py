"""Clips cut into RTP payloads once, when the server starts.

Sources: RFC 6184 (H.264: single NAL units and FU-A), RFC 7798 (H.265: single NAL units and FU).
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from streams.errors import ServeError, StreamError
from streams.nal import codec_parameter_sets, leading_parameter_sets, nal_type, units
from streams.source import SourceOptions, open_source
from streams.types import CodecInfo, Packet

CLOCK_HZ = 90_000
PAYLOAD_TYPE = 96
# Ethernet's 1500 bytes less IPv4, UDP and RTP headers, with room for a tunnel.
MAX_PAYLOAD_BYTES = 1400


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture ready to be sent.

    Attributes:
        send_s: When to send it, from the start of the clip.
        ticks: Its RTP time from the start of the clip.
        is_keyframe: A client can begin here.
        payloads: RTP payloads; the last one carries the marker.
    """

    send_s: float
    ticks: int
    is_keyframe: bool
    payloads: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip ready to be sent, and what its description says."""

    codec: CodecInfo
    pictures: tuple[Picture, ...]
    duration_s: float

    def sdp(self) -> str:
        """Return the session description (RFC 4566) with the parameter sets in it."""
        name = "H265" if self.codec.name == "hevc" else "H264"
        lines = [
            "v=0",
            "o=- 0 0 IN IP4 127.0.0.1",
            "s=camera",
            "c=IN IP4 0.0.0.0",
            "t=0 0",
            "a=control:*",
            f"m=video 0 RTP/AVP {PAYLOAD_TYPE}",
            f"a=rtpmap:{PAYLOAD_TYPE} {name}/{CLOCK_HZ}",
            f"a=fmtp:{PAYLOAD_TYPE} {_format_parameters(self.codec)}",
            "a=control:track1",
        ]
        return "\r\n".join(lines) + "\r\n"


def load_clip(paths: Sequence[Path]) -> Clip:
    """Read clips that are played one after the other, all with one codec.

    Raises:
        ServeError: A clip cannot be read, or the codecs differ.
    """
    codec: CodecInfo | None = None
    pictures: list[Picture] = []
    start_s = 0.0
    for path in paths:
        packets = _packets(path)
        codec = codec or packets[0].codec
        if packets[0].codec.name != codec.name:
            raise ServeError(f"clips in a row must share a codec, got another in {path.name}")
        pictures += _pictures(packets, start_s)
        start_s += max(p.timestamp_s + p.duration_s for p in packets) - packets[0].timestamp_s
    if codec is None:
        raise ServeError("a camera must have at least one clip, got none")
    return Clip(codec, tuple(pictures), start_s)


def _packets(path: Path) -> list[Packet]:
    try:
        with open_source(path.stem, str(path), SourceOptions(pace="fast")) as source:
            packets = list(source)
    except StreamError as error:
        raise ServeError(f"cannot play {path.name}: {error}") from None
    if not packets:
        raise ServeError(f"cannot play {path.name}: it holds no packets")
    return packets


def _pictures(packets: list[Packet], start_s: float) -> list[Picture]:
    shown_s = min(packet.timestamp_s for packet in packets)
    sent_s = packets[0].decode_s
    pictures = []
    for packet in packets:
        nals = units(packet.codec, packet.data)
        if packet.is_keyframe and not leading_parameter_sets(packet.codec.name, packet.data):
            nals = codec_parameter_sets(packet.codec) + nals
        payloads = tuple(part for nal in nals for part in _payloads(packet.codec.name, nal))
        ticks = round((start_s + packet.timestamp_s - shown_s) * CLOCK_HZ)
        due_s = start_s + packet.decode_s - sent_s
        if payloads:
            pictures.append(Picture(due_s, ticks, packet.is_keyframe, payloads))
    return pictures


def _payloads(codec_name: str, nal: bytes) -> list[bytes]:
    """Cut one NAL unit into RTP payloads."""
    if len(nal) <= MAX_PAYLOAD_BYTES:
        return [nal]
    kind = nal_type(codec_name, nal)
    if codec_name == "hevc":
        header, body = bytes([(nal[0] & 0x81) | (49 << 1), nal[1]]), nal[2:]
    else:
        header, body = bytes([(nal[0] & 0xE0) | 28]), nal[1:]
    step = MAX_PAYLOAD_BYTES - len(header) - 1
    parts = []
    for at in range(0, len(body), step):
        begin, end = at == 0, at + step >= len(body)
        flags = (0x80 if begin else 0) | (0x40 if end else 0)
        parts.append(header + bytes([flags | kind]) + body[at : at + step])
    return parts


def _format_parameters(codec: CodecInfo) -> str:
    sets = codec_parameter_sets(codec)
    text = [base64.b64encode(nal).decode() for nal in sets]
    if codec.name == "hevc":
        names = {32: "sprop-vps", 33: "sprop-sps", 34: "sprop-pps"}
        named = zip(sets, text, strict=True)
        return "; ".join(f"{names[nal_type('hevc', nal)]}={value}" for nal, value in named)
    return f"packetization-mode=1; sprop-parameter-sets={','.join(text)}"
