"""The packet ring: the last seconds of one camera, compressed, for glances, look-back and clips."""

import threading
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from streams.types import Packet

# What a packet's objects cost beyond its bytes (sys.getsizeof: slots, floats, datetime).
PACKET_OVERHEAD_BYTES = 400


@dataclass(frozen=True, slots=True)
class RingStats:
    """How full a ring is.

    Attributes:
        packets: Held now.
        bytes: Held now, with the overhead of the objects.
        span_s: Newest minus oldest time held.
        dropped: Packets that left before `max_s` was over, or were refused, for want of bytes.
    """

    packets: int
    bytes: int
    span_s: float
    dropped: int


class PacketRing:
    """Packets of one camera, bounded in seconds and in bytes; safe for many threads.

    The oldest group of pictures goes first and as a whole, so that what is held can be decoded
    from its beginning. Only a group that alone exceeds a bound is cut packet by packet.
    """

    def __init__(self, max_s: float = 30.0, max_bytes: int = 32 * 1024 * 1024) -> None:
        if max_s <= 0 or max_bytes <= 0:
            raise ValueError(f"max_s and max_bytes must be above 0, got {max_s} and {max_bytes}")
        self.max_s = max_s
        self.max_bytes = max_bytes
        self._packets: deque[Packet] = deque()
        self._keyframes: deque[tuple[int, Packet]] = deque()  # (sequence number, packet)
        self._first_number = 0
        self._bytes = 0
        self._newest_s = float("-inf")
        self._dropped = 0
        self._changed = threading.Condition()

    def append(self, packet: Packet) -> None:
        """Add the newest packet and evict what is over the bounds."""
        size = len(packet.data) + PACKET_OVERHEAD_BYTES
        with self._changed:
            if size > self.max_bytes:
                self._dropped += 1
                return
            if packet.is_keyframe:
                self._keyframes.append((self._first_number + len(self._packets), packet))
            self._packets.append(packet)
            self._bytes += size
            self._newest_s = max(self._newest_s, packet.timestamp_s)
            self._evict()
            self._changed.notify_all()

    @property
    def stats(self) -> RingStats:
        with self._changed:
            span_s = self._newest_s - self._packets[0].timestamp_s if self._packets else 0.0
            return RingStats(len(self._packets), self._bytes, span_s, self._dropped)

    def newest(self) -> Packet | None:
        """Return the packet that came last."""
        with self._changed:
            return self._packets[-1] if self._packets else None

    def newest_keyframe(self) -> Packet | None:
        """Return the last keyframe that is still held."""
        with self._changed:
            return self._keyframes[-1][1] if self._keyframes else None

    def keyframes(self, since_s: float = float("-inf")) -> list[Packet]:
        """Return the keyframes at or after `since_s`, oldest first."""
        with self._changed:
            return [packet for _, packet in self._keyframes if packet.timestamp_s >= since_s]

    def keyframe_gap_s(self) -> float:
        """How far apart keyframes are now, in seconds.

        The longer of: the last two of one epoch, the last one and the newest packet. Without a
        keyframe, what is held at all.
        """
        with self._changed:
            if not self._packets:
                return 0.0
            newest_s = self._packets[-1].timestamp_s
            if not self._keyframes:
                return newest_s - self._packets[0].timestamp_s
            last = self._keyframes[-1][1]
            before = self._keyframes[-2][1] if len(self._keyframes) > 1 else last
            since = before if before.epoch == last.epoch else last
            return max(last.timestamp_s - since.timestamp_s, newest_s - last.timestamp_s)

    def span(self, start_s: float, end_s: float, epoch: int | None = None) -> list[Packet]:
        """Return the packets that cover `start_s` to `end_s`: from a keyframe on, in one epoch.

        The first packet is the last keyframe at or before `start_s`, or the first one after it,
        of `epoch` where one is named. When a new epoch begins inside the span, the list ends there.
        """
        with self._changed:
            found = [k for k in self._keyframes if epoch is None or k[1].epoch == epoch]
            at = max(0, bisect_right([key.timestamp_s for _, key in found], start_s) - 1)
            if not found or found[at][1].timestamp_s > end_s:
                return []
            number, key = found[at]
            held = islice(self._packets, number - self._first_number, None)
            return _until(held, end_s, key.epoch)

    def cursor(self, start_s: float | None = None) -> "RingCursor":
        """Return a reader from the last keyframe at or before `start_s` on (default: newest).

        Without any keyframe it begins at the oldest packet held.
        """
        with self._changed:
            if not self._keyframes:
                return RingCursor(self, self._first_number)
            times = [packet.timestamp_s for _, packet in self._keyframes]
            at = len(times) - 1 if start_s is None else max(0, bisect_right(times, start_s) - 1)
            return RingCursor(self, self._keyframes[at][0])

    def follow(self, start_s: float | None = None, timeout_s: float = 10.0) -> Iterator[Packet]:
        """Yield packets from the last keyframe before `start_s` on, then live as they arrive.

        Ends when no packet comes for `timeout_s`.
        """
        cursor = self.cursor(start_s)
        while packets := cursor.take(timeout_s):
            yield from packets

    def _read(self, number: int, timeout_s: float) -> tuple[int, list[Packet]]:
        """Return the packets from sequence `number` on and the number of the first of them."""
        with self._changed:
            self._changed.wait_for(lambda: self._end_number > number, timeout_s)
            if self._end_number <= number:
                return number, []
            if number < self._first_number:
                number = self._resume_number()
            return number, list(islice(self._packets, number - self._first_number, None))

    @property
    def _end_number(self) -> int:
        return self._first_number + len(self._packets)

    def _resume_number(self) -> int:
        """Return where a reader that was overtaken goes on: at a keyframe if there is one."""
        return self._keyframes[0][0] if self._keyframes else self._first_number

    def _evict(self) -> None:
        while self._packets and (self._over_age() or self._bytes > self.max_bytes):
            early = not self._over_age()
            for _ in range(self._front_group()):
                self._drop_front(early)

    def _over_age(self) -> bool:
        return self._newest_s - self._packets[0].timestamp_s > self.max_s

    def _front_group(self) -> int:
        """Return how many packets go together: up to the next keyframe, or one if there is none."""
        numbers = [number for number, _ in islice(self._keyframes, 2)]
        at = bisect_left(numbers, self._first_number + 1)
        return numbers[at] - self._first_number if at < len(numbers) else 1

    def _drop_front(self, early: bool) -> None:
        packet = self._packets.popleft()
        if self._keyframes and self._keyframes[0][0] == self._first_number:
            self._keyframes.popleft()
        self._first_number += 1
        self._bytes -= len(packet.data) + PACKET_OVERHEAD_BYTES
        self._dropped += early


class RingCursor:
    """One reader's place in a ring; for one thread."""

    def __init__(self, ring: PacketRing, number: int) -> None:
        self._ring = ring
        self._number = number
        self.missed = 0

    def take(self, timeout_s: float = 0.0) -> list[Packet]:
        """Return the packets since the last call, waiting up to `timeout_s` for the first.

        A reader that is too slow goes on at the oldest keyframe held; `missed` counts the packets
        that it never saw.
        """
        number, packets = self._ring._read(self._number, timeout_s)
        self.missed += number - self._number
        self._number = number + len(packets)
        return packets


def _until(packets: Iterator[Packet], end_s: float, epoch: int) -> list[Packet]:
    taken = []
    for packet in packets:
        if packet.epoch != epoch or packet.decode_s > end_s:
            break
        taken.append(packet)
    return taken
