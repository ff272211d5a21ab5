"""One camera kept alive: a reader thread that fills the ring, reconnects, and reports health."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog

from streams.decode import decode_picture
from streams.errors import DecodeError, SourceStalled, StreamError
from streams.fallback import FallbackDecoder
from streams.health import Health, HealthMonitor, HealthState
from streams.options import CameraOptions
from streams.picture import Picture
from streams.reader import CameraReader
from streams.redact import redact
from streams.ring import PacketRing
from streams.source import Session, is_live
from streams.types import CodecInfo, Packet

__all__ = ["CLOSE_TIMEOUT_S", "Camera", "CameraOptions", "CameraStats"]

log = structlog.get_logger(__name__)

CLOSE_TIMEOUT_S = 2.0
# Readers that hang keep their thread; with so many of them another one would not help.
_MOST_ABANDONED = 3
# Keyframes at most so far apart, or two glances, serve every glance: all between costs far more.
KEYFRAMES_TIMELY_S = 4.0


@dataclass(frozen=True, slots=True)
class CameraStats:
    """Counters since the camera was started; they only grow.

    Attributes:
        packets: Read.
        bytes: Read, compressed.
        keyframes: Read.
        connects: Connections that stood.
        failures: Attempts that failed and connections that broke.
        decode_errors: Glances that gave no picture.
        abandoned: Readers given up because they hung in the system.
    """

    packets: int = 0
    bytes: int = 0
    keyframes: int = 0
    connects: int = 0
    failures: int = 0
    decode_errors: int = 0
    abandoned: int = 0


class Camera:
    """Reads one camera or clip until stopped; nothing it does delays another camera."""

    def __init__(self, camera_id: str, url: str, options: CameraOptions | None = None) -> None:
        self.camera_id = camera_id
        self.options = options or CameraOptions()
        self.ring = PacketRing(self.options.ring_s, self.options.ring_bytes)
        self._url = url
        self._lock = threading.Lock()
        self._monitor = HealthMonitor(time.time(), self.options.health)
        self._logged = HealthState.CONNECTING
        self._counts: Counter[str] = Counter()
        self._reader: CameraReader | None = None
        self._abandoned: list[CameraReader] = []
        self._fallback: FallbackDecoder | None = None
        self._codec: CodecInfo | None = None
        self._refused_s = float("-inf")
        self._session = Session()

    def __repr__(self) -> str:
        return f"Camera({self.camera_id!r}, {redact(self._url)!r})"

    @property
    def address(self) -> str:
        """The address without credentials."""
        return redact(self._url)

    @property
    def running(self) -> bool:
        reader = self._reader
        return reader is not None and reader.is_alive()

    @property
    def codec(self) -> CodecInfo | None:
        """Parameters of the stream, None before it was ever open."""
        return self._codec

    @property
    def health(self) -> Health:
        """The health now; reading it also restarts a reader that hangs."""
        self._watch_reader()
        with self._lock:
            return self._monitor.read(time.time())

    @property
    def stats(self) -> CameraStats:
        with self._lock:
            return CameraStats(**self._counts)

    def start(self) -> None:
        """Begin to read; does nothing when it reads already."""
        with self._lock:
            if not self.running:
                self._start_reader()

    def stop(self, timeout_s: float = CLOSE_TIMEOUT_S) -> bool:
        """Stop reading; return whether the reader ended in time.

        A reader that waits for the network ends at its own hard timeout at the latest; from this
        call on it touches nothing of this camera.
        """
        self.request_stop()
        with self._lock:
            reader, self._reader = self._reader, None
        self._fallback = None
        if reader is None or not reader.is_alive():
            return True
        reader.join(timeout_s)
        return not reader.is_alive()

    def request_stop(self) -> None:
        """Tell the reader to end, without waiting for it."""
        with self._lock:
            if self._reader is not None:
                self._reader.session.stop.set()

    def glance(
        self, newer_than_s: float = float("-inf"), period_s: float = float("inf")
    ) -> Picture | None:
        """Decode the newest keyframe, None when none is newer than `newer_than_s`.

        A stream whose keyframes come too rarely for glances every `period_s` is decoded packet by
        packet instead; `health` says so. For one thread at a time per camera.

        Raises:
            DecodeError: The newest keyframe gives no picture; counted, and shown in `health`.
        """
        try:
            picture = self._newest_picture(newer_than_s, period_s)
        except DecodeError as error:
            with self._lock:
                self._counts["decode_errors"] += 1
                self._monitor.glance_failed(time.time(), str(error))
            raise
        if picture is not None:
            with self._lock:
                self._monitor.glanced(time.time(), picture.luma())
        return picture

    def _newest_picture(self, newer_than_s: float, period_s: float) -> Picture | None:
        key, late_s = self.ring.newest_keyframe(), self._keyframe_late_s(period_s)
        late = self.ring.keyframe_gap_s() > late_s
        with self._lock:
            self._monitor.keyframes_late(time.time(), late_s if late else None)
        if late:
            if self._fallback is None:
                self._fallback = FallbackDecoder(self.ring)
            return self._fallback.newest(newer_than_s)
        self._fallback = None
        if key is None or key.timestamp_s <= max(newer_than_s, self._refused_s):
            return None  # one bad keyframe is told once, not at every call until the next one
        try:
            return decode_picture(key)
        except DecodeError:
            self._refused_s = key.timestamp_s
            raise

    def _keyframe_late_s(self, period_s: float) -> float:
        """Longest distance of keyframes that serves glances every `period_s`."""
        return min(self.options.health.keyframe_s, max(2 * period_s, KEYFRAMES_TIMELY_S))

    def _start_reader(self) -> None:
        """Start a reader that goes on with the media time and the epoch of the one before.

        Called with the lock held, so that no two readers fill one ring.
        """
        options = self.options
        if self._abandoned:  # what once outlasted its timeouts is not trusted again
            options = replace(options, source=replace(options.source, strict_reads=True))
        self._session = Session(epoch=self._session.epoch, timeline=self._session.timeline)
        sink = _Sink(self)
        self._reader = CameraReader(self.camera_id, self._url, options, self._session, sink)
        self._reader.start()

    def _watch_reader(self) -> None:
        """Replace a reader that hangs in the system beyond every timeout."""
        reader = self._reader
        if reader is None or reader.session.stop.is_set() or not reader.hangs():
            return
        with self._lock:
            if self._reader is not reader or reader.session.stop.is_set():
                return  # stopped or replaced in between
            alive = sum(old.is_alive() for old in self._abandoned)
            self._monitor.stalled(time.time(), "the reader hangs in the system")
            if alive >= _MOST_ABANDONED:
                return
            reader.session.stop.set()
            self._abandoned = [*self._abandoned[-_MOST_ABANDONED:], reader]
            self._counts["abandoned"] += 1
            self._start_reader()
        log.warning("camera_reader_abandoned", camera_id=self.camera_id)

    def _take(self, packet: Packet, previous: Packet | None) -> None:
        with self._lock:
            self._counts["packets"] += 1
            self._counts["bytes"] += len(packet.data)
            self._codec = packet.codec
            now_s = time.time()
            if packet.is_keyframe:
                self._counts["keyframes"] += 1
                self._monitor.keyframe(now_s)
            if previous is not None and previous.epoch != packet.epoch:
                if previous.codec is not packet.codec:
                    self._monitor.codec_changed(now_s, _codec_text(packet.codec))
                elif is_live(self._url):  # a clip on a loop jumps at every round
                    self._monitor.time_jump(now_s)
        self.ring.append(packet)

    def _report(self, event: Callable[[HealthMonitor, float], None], count: str = "") -> None:
        """Give the monitor an event; log the state when it has changed."""
        with self._lock:
            if count:
                self._counts[count] += 1
            now_s = time.time()
            event(self._monitor, now_s)
            health = self._monitor.read(now_s)
            changed = health.state is not self._logged
            self._logged = health.state
        if changed:
            log.info(
                "camera_state",
                camera_id=self.camera_id,
                address=self.address,
                state=health.state.value,
                reason=health.reason,
            )


class _Sink:
    """Hands a reader's news to the camera's monitor, counters and ring."""

    def __init__(self, camera: Camera) -> None:
        self._camera = camera

    def connecting(self) -> None:
        self._camera._report(lambda monitor, at_s: monitor.connecting(at_s))

    def connected(self, packet: Packet) -> None:
        codec = _codec_text(packet.codec)
        self._camera._report(lambda monitor, at_s: monitor.connected(at_s, codec), "connects")

    def received(self, packet: Packet, previous: Packet | None) -> None:
        self._camera._take(packet, previous)

    def broken(self, error: StreamError) -> None:
        reason = str(error)
        if isinstance(error, SourceStalled):
            self._camera._report(lambda monitor, at_s: monitor.stalled(at_s, reason), "failures")
        else:
            self._camera._report(lambda monitor, at_s: monitor.offline(at_s, reason), "failures")

    def ended(self) -> None:
        self._camera._report(lambda monitor, at_s: monitor.ended(at_s))


def _codec_text(codec: CodecInfo) -> str:
    return f"{codec.name} {codec.width}x{codec.height}"
