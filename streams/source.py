"""Opens a camera or a clip and yields its packets with their place in media time and epoch."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Protocol, Self

from av.packet import Packet as LibavPacket
from av.video.stream import VideoStream

from streams.bursts import BurstPacer
from streams.decode import picture_size
from streams.demux import Demuxer, is_live
from streams.errors import SourceEnded
from streams.nal import join, leading_parameter_sets, length_size, sequence_sets
from streams.options import SourceOptions
from streams.redact import redact
from streams.timeline import Stamp, Timeline
from streams.types import CodecInfo, Packet

__all__ = ["PacketSource", "Session", "SourceOptions", "is_live", "open_source"]

# A time-lapse or a motion-triggered recording pauses honestly; only a live clock is held to 5 s.
_CLIP_MAX_GAP_S = 30.0


@dataclass(slots=True)
class Session:
    """What outlives a reconnect of one camera: its clock, its epoch, and the order to stop.

    Attributes:
        epoch: Of the newest packet; -1 before the first.
        timeline: The camera's media clock; made by the first source that is opened.
        stop: Set it to end the iteration at the next packet, or while waiting to pace a clip.
        now: Wall clock, Unix seconds.
    """

    epoch: int = -1
    timeline: Timeline | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    now: Callable[[], float] = time.time


class PacketSource(Protocol):
    """An opened camera or clip: iterate it once, then close it."""

    @property
    def camera_id(self) -> str: ...

    @property
    def live(self) -> bool:
        """Whether packets come at their own time, as from a camera."""

    @property
    def codec(self) -> CodecInfo:
        """Parameters of the newest packet."""

    def __iter__(self) -> Iterator[Packet]:
        """Yield packets in decoding order; a clip ends, a camera raises.

        Raises:
            SourceStalled: Nothing came within `read_timeout_s`.
            SourceEnded: The camera closed the session, or a clip is damaged from here on.
        """

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


def open_source(
    camera_id: str,
    url: str,
    options: SourceOptions | None = None,
    *,
    session: Session | None = None,
) -> PacketSource:
    """Open an RTSP address or the path of a clip, with H.264 or H.265 video in it.

    Raises:
        SourceUnavailable: Not reachable, not readable, or without such a video stream.
    """
    return _LibavSource(camera_id, url, options or SourceOptions(), session or Session())


class _LibavSource:
    """`PacketSource` over libav."""

    def __init__(self, camera_id: str, url: str, options: SourceOptions, session: Session) -> None:
        self.camera_id = camera_id
        self.live = is_live(url)
        self._url = url
        self._options = options
        self._session = session
        if session.timeline is None:
            gap_s = options.max_gap_s if self.live else max(options.max_gap_s, _CLIP_MAX_GAP_S)
            session.timeline = Timeline(live=self.live, max_gap_s=gap_s)
        self._timeline = session.timeline
        self._demuxer = Demuxer(camera_id, url, options)
        self.codec = self._demuxer.described_codec()
        self._first = True
        self._paced_from: tuple[float, float] | None = None
        in_bursts = self.live and options.transport == "tcp"  # UDP has no buffer to wait in
        self._bursts = BurstPacer(options.burst_s if in_bursts else 0.0)

    def __repr__(self) -> str:
        return f"PacketSource({self.camera_id!r}, {redact(self._url)!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._demuxer.close()

    def __iter__(self) -> Iterator[Packet]:
        while True:
            yield from self._round()
            if self._session.stop.is_set():
                return
            if self.live:
                raise SourceEnded(f"the camera closed the session, camera {self.camera_id}")
            if self._first:
                raise SourceEnded(f"the clip holds no packets, camera {self.camera_id}")
            if not self._options.loop:
                return
            self._demuxer.close()
            self._demuxer = Demuxer(self.camera_id, self._url, self._options)

    def _round(self) -> Iterator[Packet]:
        """Yield the packets from here to the end of the session or the clip: one epoch at least."""
        self._session.epoch += 1
        self._timeline.restart()
        self._first = True
        asked_s = time.monotonic()
        for raw, data in self._demuxer.read():
            if self._session.stop.is_set():  # its timeline may serve another reader by now
                return
            waited_s = time.monotonic() - asked_s
            yield self._packet(raw, data)
            if self.live and raw.dts is not None:
                self._rest(raw.dts * self._demuxer.base_s, waited_s)
            asked_s = time.monotonic()

    def _packet(self, raw: LibavPacket[VideoStream], data: bytes) -> Packet:
        arrived_s = self._session.now()
        if raw.is_keyframe:
            self._watch_codec(raw, data)
        self._first = False
        started_at = self._options.started_at
        origin_s = started_at.timestamp() if started_at and not self.live else arrived_s
        place = self._timeline.place(_stamp(raw, self._demuxer.base_s), origin_s)
        if place.jumped:
            self._session.epoch += 1
        if not self.live:
            self._wait_until_due(place.decode_s)
        return Packet(
            camera_id=self.camera_id,
            timestamp_s=place.timestamp_s,
            decode_s=place.decode_s,
            duration_s=place.duration_s,
            captured_at=datetime.fromtimestamp(arrived_s if self.live else place.timestamp_s, UTC),
            is_keyframe=raw.is_keyframe,
            data=data,
            codec=self.codec,
            epoch=self._session.epoch,
        )

    def _watch_codec(self, raw: LibavPacket[VideoStream], data: bytes) -> None:
        """Begin a new epoch where the sequence parameter set in force changes."""
        if raw.has_sidedata("new_extradata"):
            self._adopt(bytes(raw.get_sidedata("new_extradata")), data)
            return
        if length_size(self.codec):
            return
        name = self.codec.name
        sets = leading_parameter_sets(name, data)
        known = leading_parameter_sets(name, self.codec.extradata)
        sequence = sequence_sets(name, sets)
        if sequence and sequence != sequence_sets(name, known):
            self._adopt(join(sets), data)

    def _adopt(self, extradata: bytes, keyframe: bytes) -> None:
        size = picture_size(CodecInfo(self.codec.name, 0, 0, extradata), keyframe)
        self.codec = CodecInfo(self.codec.name, *size, extradata)
        if not self._first:
            self._session.epoch += 1

    def _rest(self, stream_s: float, waited_s: float) -> None:
        if rest_s := self._bursts.rest_s(stream_s, time.monotonic(), waited_s):
            self._session.stop.wait(rest_s)

    def _wait_until_due(self, decode_s: float) -> None:
        if self._options.pace == "fast":
            return
        now_s = time.monotonic()
        if self._paced_from is None:
            self._paced_from = (decode_s, now_s)
        media_s, wall_s = self._paced_from
        self._session.stop.wait(max(0.0, wall_s + decode_s - media_s - now_s))


def _stamp(raw: LibavPacket[VideoStream], base_s: float) -> Stamp:
    pts, dts, duration = raw.pts, raw.dts, raw.duration
    return Stamp(
        None if pts is None else pts * base_s,
        None if dts is None else dts * base_s,
        min(duration * base_s, 10.0) if duration else 0.0,
    )
