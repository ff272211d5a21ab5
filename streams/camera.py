"""One camera kept alive: a reader thread that fills the ring, reconnects, and reports health."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import structlog

from streams.backoff import Backoff
from streams.decode import FrameDecoder, decode_picture
from streams.errors import DecodeError, SourceStalled, StreamError
from streams.health import Health, HealthLimits, HealthMonitor, HealthState
from streams.picture import Picture
from streams.redact import redact
from streams.ring import PacketRing, RingCursor
from streams.source import Session, SourceOptions, is_live, open_source
from streams.types import CodecInfo, Packet

log = structlog.get_logger(__name__)

CLOSE_TIMEOUT_S = 2.0
# A reader that outlives its hard timeouts by this much hangs in the system, e.g. in a name lookup.
_READER_GRACE_S = 5.0
# Readers that hang keep their thread; with so many of them another one would not help.
_MOST_ABANDONED = 3
# A connection that held so long was good: the next failure is the first again.
_STEADY_S = 30.0


@dataclass(frozen=True, slots=True)
class CameraOptions:
    """How one camera is kept.

    Attributes:
        source: How it is opened and read.
        ring_s: Seconds of packets kept.
        ring_bytes: Bytes of packets kept.
        backoff: Waits between attempts to connect.
        health: Limits of the health states.
    """

    source: SourceOptions = field(default_factory=SourceOptions)
    ring_s: float = 30.0
    ring_bytes: int = 32 * 1024 * 1024
    backoff: Backoff = field(default_factory=Backoff)
    health: HealthLimits = field(default_factory=HealthLimits)


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


@dataclass(slots=True)
class _Counters:
    packets: int = 0
    bytes: int = 0
    keyframes: int = 0
    connects: int = 0
    failures: int = 0
    decode_errors: int = 0
    abandoned: int = 0


class Camera:
    """Reads one camera or clip until stopped; nothing it does delays another camera.

    `on_keyframe` is called in the reader's thread for every keyframe: it must return at once.
    """

    def __init__(
        self,
        camera_id: str,
        url: str,
        options: CameraOptions | None = None,
        *,
        on_keyframe: Callable[[Packet], None] | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self.camera_id = camera_id
        self.options = options or CameraOptions()
        self.ring = PacketRing(self.options.ring_s, self.options.ring_bytes)
        self._url = url
        self._on_keyframe = on_keyframe
        self._rng = rng or random.Random()
        self._lock = threading.Lock()
        self._monitor = HealthMonitor(time.time(), self.options.health)
        self._logged = HealthState.CONNECTING
        self._counters = _Counters()
        self._reader: _Reader | None = None
        self._abandoned: list[_Reader] = []
        self._fallback: _Fallback | None = None
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
            counters = self._counters
            return CameraStats(**{name: getattr(counters, name) for name in counters.__slots__})

    def start(self) -> None:
        """Begin to read; does nothing when it reads already."""
        if not self.running:
            self._start_reader()

    def stop(self, timeout_s: float = CLOSE_TIMEOUT_S) -> bool:
        """Stop reading; return whether the reader ended in time.

        A reader that waits for the network ends at its own hard timeout at the latest; from this
        call on it touches nothing of this camera.
        """
        self.request_stop()
        reader, self._reader = self._reader, None
        self._fallback = None
        if reader is None or not reader.is_alive():
            return True
        reader.join(timeout_s)
        return not reader.is_alive()

    def request_stop(self) -> None:
        """Tell the reader to end, without waiting for it."""
        if self._reader is not None:
            self._reader.session.stop.set()

    def glance(self, newer_than_s: float = float("-inf")) -> Picture | None:
        """Decode the newest keyframe, None when none is newer than `newer_than_s`.

        A stream without timely keyframes is decoded packet by packet instead; `health` says so.
        For one thread at a time per camera.

        Raises:
            DecodeError: The newest keyframe gives no picture; counted, and shown in `health`.
        """
        try:
            picture = self._newest_picture(newer_than_s)
        except DecodeError as error:
            with self._lock:
                self._counters.decode_errors += 1
                self._monitor.glance_failed(time.time(), str(error))
            raise
        if picture is not None:
            with self._lock:
                self._monitor.glanced(time.time(), picture.luma())
        return picture

    def _newest_picture(self, newer_than_s: float) -> Picture | None:
        key, newest = self.ring.newest_keyframe(), self.ring.newest()
        late_s = self.options.health.keyframe_s
        if newest is not None and (key is None or newest.timestamp_s - key.timestamp_s > late_s):
            if self._fallback is None:
                self._fallback = _Fallback(self.ring)
            return self._fallback.newest(newer_than_s)
        self._fallback = None
        if key is None or key.timestamp_s <= max(newer_than_s, self._refused_s):
            return None  # one bad keyframe is told once, not at every call until the next one
        try:
            return decode_picture(key)
        except DecodeError:
            self._refused_s = key.timestamp_s
            raise

    def _start_reader(self) -> None:
        """Start a reader that goes on with the media time and the epoch of the one before."""
        self._session = Session(epoch=self._session.epoch, timeline=self._session.timeline)
        self._reader = _Reader(self, self._session)
        self._reader.start()

    def _watch_reader(self) -> None:
        """Replace a reader that hangs in the system beyond every timeout."""
        reader = self._reader
        if reader is None or reader.session.stop.is_set() or not reader.hangs():
            return
        with self._lock:
            self._abandoned = [old for old in self._abandoned if old.is_alive()]
            full = len(self._abandoned) >= _MOST_ABANDONED
            self._monitor.stalled(time.time(), "the reader hangs in the system")
            if full or self._reader is not reader:
                return
            self._abandoned.append(reader)
            self._counters.abandoned += 1
        reader.session.stop.set()
        self._start_reader()
        log.warning("camera_reader_abandoned", camera_id=self.camera_id)

    def _received(self, packet: Packet, previous: Packet | None) -> None:
        with self._lock:
            counters = self._counters
            counters.packets += 1
            counters.bytes += len(packet.data)
            self._codec = packet.codec
            now_s = time.time()
            if packet.is_keyframe:
                counters.keyframes += 1
                self._monitor.keyframe(now_s)
            if previous is not None and previous.epoch != packet.epoch:
                if previous.codec is not packet.codec:
                    self._monitor.codec_changed(now_s, _codec_text(packet.codec))
                elif is_live(self._url):
                    self._monitor.time_jump(now_s)
        self.ring.append(packet)
        if packet.is_keyframe and self._on_keyframe is not None:
            self._on_keyframe(packet)

    def _report(self, event: Callable[[HealthMonitor, float], None]) -> None:
        """Give the monitor an event; log the state when it has changed."""
        with self._lock:
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


class _Reader(threading.Thread):
    """Connects and reads until its session is stopped."""

    def __init__(self, camera: Camera, session: Session) -> None:
        super().__init__(name=f"camera-{camera.camera_id}", daemon=True)
        self.session = session
        self._camera = camera
        self._moved_s = time.monotonic()
        source = camera.options.source
        self._longest_s = max(source.open_timeout_s * 2, source.read_timeout_s) + _READER_GRACE_S

    def hangs(self) -> bool:
        """Return whether it has not moved for longer than every timeout together."""
        return self.is_alive() and time.monotonic() - self._moved_s > self._longest_s

    def run(self) -> None:
        failures = 0
        while not self.session.stop.is_set():
            began_s = time.monotonic()
            ended = self._read_once()
            if ended or self.session.stop.is_set():
                return
            steady = time.monotonic() - began_s > _STEADY_S
            failures = 1 if steady else failures + 1
            self._wait(self._camera.options.backoff.wait_s(failures, self._camera._rng))

    def _wait(self, wait_s: float) -> None:
        self._moved_s = time.monotonic() + wait_s
        self.session.stop.wait(wait_s)

    def _read_once(self) -> bool:
        """Connect and read until that ends; return whether it was the end of a clip."""
        camera = self._camera
        self._moved_s = time.monotonic()
        try:
            self._report(lambda monitor, at_s: monitor.connecting(at_s))
            self._read()
        except SourceStalled as error:
            text = str(error)
            self._failed(lambda monitor, at_s: monitor.stalled(at_s, text))
        except StreamError as error:
            text = str(error)
            self._failed(lambda monitor, at_s: monitor.offline(at_s, text))
        except Exception as error:  # the top of the thread: whatever it is, the camera comes back
            kind = type(error).__name__
            log.exception("camera_reader_failed", camera_id=camera.camera_id)
            self._failed(lambda monitor, at_s: monitor.offline(at_s, f"internal error: {kind}"))
        else:
            self._report(lambda monitor, at_s: monitor.ended(at_s))
            return True
        return False

    def _read(self) -> None:
        camera = self._camera
        options = camera.options.source
        if camera._counters.abandoned:  # a camera that once outlasted its timeouts is not trusted
            options = replace(options, strict_reads=True)
        with open_source(camera.camera_id, camera._url, options, session=self.session) as source:
            if self.session.stop.is_set():
                return
            previous: Packet | None = None
            for packet in source:
                if self.session.stop.is_set():
                    return
                self._moved_s = time.monotonic()
                if previous is None:
                    self._connected(packet)
                camera._received(packet, previous)
                previous = packet

    def _connected(self, packet: Packet) -> None:
        """Only a picture proves a camera: one that answers and sends nothing stays offline."""
        codec = _codec_text(packet.codec)
        self._report(lambda monitor, at_s: monitor.connected(at_s, codec))
        with self._camera._lock:
            self._camera._counters.connects += 1

    def _failed(self, event: Callable[[HealthMonitor, float], None]) -> None:
        if not self.session.stop.is_set():
            with self._camera._lock:
                self._camera._counters.failures += 1
            self._report(event)

    def _report(self, event: Callable[[HealthMonitor, float], None]) -> None:
        if not self.session.stop.is_set():
            self._camera._report(event)


class _Fallback:
    """Follows a stream without keyframes: decodes everything since the last glance."""

    def __init__(self, ring: PacketRing) -> None:
        self._cursor: RingCursor = ring.cursor()
        self._decoder = FrameDecoder(wait_for_keyframe=False)

    def newest(self, newer_than_s: float) -> Picture | None:
        picture, failure = None, None
        for packet in self._cursor.take():
            try:
                picture = next(reversed(self._decoder.decode(packet)), picture)
            except DecodeError as error:
                failure = error
        if picture is None and failure is not None:
            raise failure
        if picture is None or picture.timestamp_s <= newer_than_s:
            return None
        return picture


def _codec_text(codec: CodecInfo) -> str:
    return f"{codec.name} {codec.width}x{codec.height}"
