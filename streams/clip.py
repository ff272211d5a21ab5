"""Writes evidence clips: packets remuxed to MP4 without re-encoding; H.264 copies for browsers."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from pathlib import Path

import av
import av.error
from av.container import InputContainer, OutputContainer
from av.packet import Packet as LibavPacket
from av.video.stream import VideoStream

from streams.decode import annexb_keyframe
from streams.demux import describe_error
from streams.errors import ClipError
from streams.nal import join, length_size, units
from streams.timeline import DEFAULT_INTERVAL_S
from streams.types import Packet

_TICKS_PER_S = 90_000
_CLOCK = Fraction(1, _TICKS_PER_S)


@dataclass(frozen=True, slots=True)
class ClipSummary:
    """What a written clip holds.

    Attributes:
        path: Where it lies.
        start_s: Media time of its first picture.
        end_s: Media time at which its last picture ends.
        captured_at: Wall clock of its first picture.
        codec: "h264" or "hevc".
        size: (width, height) in pixels.
        pictures: How many it holds.
        bytes: Size of the file.
    """

    path: Path
    start_s: float
    end_s: float
    captured_at: datetime
    codec: str
    size: tuple[int, int]
    pictures: int
    bytes: int


def write_clip(packets: Sequence[Packet], path: Path | str) -> ClipSummary:
    """Remux packets of one epoch to an MP4 whose index comes first, and replace `path` atomically.

    Packets before the first keyframe, and pictures that lead it but depend on what came before,
    are left out. Decoding times are computed anew from the presentation times, because cameras
    omit or garble them.

    Raises:
        ClipError: No keyframe, more than one epoch, unusable bytes, or the disk refused.
    """
    path = Path(path)
    cut = _decodable(packets)
    ticks = _ticks(cut)
    reason = ""
    try:
        with _template(cut[0]) as template:
            stream = template.streams.video[0]
            size = stream.codec_context.width, stream.codec_context.height
            _replace(path, lambda part: _mux(part, stream, cut, ticks))
        written = path.stat().st_size
    except (av.error.FFmpegError, OSError, ValueError) as error:
        reason = describe_error(error)
    if reason:
        raise ClipError(f"cannot write the clip {path.name}: {reason}, camera {cut[0].camera_id}")
    start_s = min(packet.timestamp_s for packet in cut)
    end_s = max(packet.timestamp_s + packet.duration_s for packet in cut)
    return ClipSummary(
        path, start_s, end_s, cut[0].captured_at, cut[0].codec.name, size, len(cut), written
    )


def transcode_h264(source: Path | str, path: Path | str, *, max_work_s: float = 300.0) -> Path:
    """Write an H.264 (yuv420p) copy that every browser plays, replacing `path` atomically.

    Raises:
        ClipError: The clip cannot be read, the disk refused, or it took longer than `max_work_s`.
    """
    path = Path(path)
    reason = ""
    try:
        with av.open(str(source), options={"protocol_whitelist": "file"}) as clip:
            _replace(path, lambda part: _encode(clip, part, time.monotonic() + max_work_s))
    except (av.error.FFmpegError, OSError, ValueError, IndexError) as error:
        reason = describe_error(error)
    if reason:
        raise ClipError(f"cannot transcode {Path(source).name}: {reason}")
    return path


def _decodable(packets: Sequence[Packet]) -> list[Packet]:
    """Return the packets from the first keyframe on, less those that need earlier pictures."""
    first = next((i for i, packet in enumerate(packets) if packet.is_keyframe), None)
    if first is None:
        raise ClipError(f"a clip must hold a keyframe, got {len(packets)} packets without one")
    key = packets[first]
    if any(packet.epoch != key.epoch for packet in packets[first:]):
        raise ClipError(f"a clip must lie in one epoch, got several, camera {key.camera_id}")
    return [packet for packet in packets[first:] if packet.timestamp_s >= key.timestamp_s]


def _ticks(packets: Sequence[Packet]) -> list[tuple[int, int]]:
    """Return (pts, dts) of each packet: pts from 0 and unique, dts rising and never above pts.

    The decoding times are the sorted presentation times, delayed by the deepest reordering, as an
    encoder would have written them.
    """
    start_s = min(packet.timestamp_s for packet in packets)
    wanted = [round((packet.timestamp_s - start_s) * _TICKS_PER_S) for packet in packets]
    order = sorted(range(len(wanted)), key=lambda i: (wanted[i], i))
    shown = [0] * len(wanted)
    last = -1
    for i in order:
        last = shown[i] = max(wanted[i], last + 1)
    delay = max(i - rank for rank, i in enumerate(order))
    step = round((packets[0].duration_s or DEFAULT_INTERVAL_S) * _TICKS_PER_S) or 1
    ahead = [(i - delay) * step for i in range(delay)]
    decoded = ahead + sorted(shown)[: len(shown) - delay]
    return list(zip(shown, decoded, strict=True))


def _template(keyframe: Packet) -> InputContainer:
    """Return a demuxer over one keyframe: libav reads size, profile and parameter sets from it."""
    stream = io.BytesIO(annexb_keyframe(keyframe))
    container = av.open(stream, "r", format=keyframe.codec.name)
    context = container.streams.video[0].codec_context
    if not (context.width and context.height and context.extradata):
        container.close()
        raise ValueError("the keyframe has no usable parameter sets")
    return container


def _replace(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` make a file beside `path`, put it on the disk, then rename it to `path`."""
    part = path.with_name(f".{path.name}.{os.getpid()}.{time.monotonic_ns()}.part")
    try:
        write(part)
        _sync(part)
        part.replace(path)
        _sync(path.parent)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _mux(
    part: Path, template: VideoStream, packets: Sequence[Packet], ticks: list[tuple[int, int]]
) -> None:
    with _output(part) as output:
        stream = output.add_stream_from_template(template, opaque=True)
        stream.time_base = _CLOCK
        if packets[0].codec.name == "hevc":
            stream.codec_context.codec_tag = "hvc1"  # players on Apple systems refuse "hev1"
        last = max(range(len(packets)), key=lambda i: ticks[i][0])
        for i, packet in enumerate(packets):
            raw = LibavPacket(_annexb(packet))
            raw.stream, raw.time_base = stream, _CLOCK
            raw.pts, raw.dts = ticks[i]
            raw.is_keyframe = packet.is_keyframe
            if i in (last, len(packets) - 1):
                raw.duration = round((packet.duration_s or DEFAULT_INTERVAL_S) * _TICKS_PER_S)
            output.mux_one(raw)


def _encode(clip: InputContainer, part: Path, deadline_s: float) -> None:
    source = clip.streams.video[0]
    with _output(part) as output:
        stream = output.add_stream("libx264", rate=source.average_rate or 25)
        stream.width = source.codec_context.width & ~1  # yuv420p has even sizes
        stream.height = source.codec_context.height & ~1
        stream.pix_fmt = "yuv420p"
        stream.options = {"preset": "veryfast", "crf": "23"}
        stream.codec_context.thread_count = 1  # cameras need the other cores
        stream.codec_context.time_base = _CLOCK
        for frame in clip.decode(source):
            if time.monotonic() > deadline_s:
                raise ValueError("it took too long")
            picture = frame.reformat(stream.width, stream.height, "yuv420p")
            picture.pts = round(float(frame.time) * _TICKS_PER_S)
            picture.time_base = _CLOCK
            picture.pict_type = 0
            output.mux(stream.encode(picture))
        output.mux(stream.encode())


def _output(part: Path) -> OutputContainer:
    return av.open(str(part), "w", format="mp4", options={"movflags": "+faststart"})


def _annexb(packet: Packet) -> bytes:
    if length_size(packet.codec):
        return join(units(packet.codec, packet.data))
    return packet.data
