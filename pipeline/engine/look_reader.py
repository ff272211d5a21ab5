"""The pictures of a look: from the ring's last keyframe on, and live as they come."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

from pipeline.confirm import LookWant
from pipeline.confirm.looks import SLOW_LOOK_FPS
from streams.camera import Camera
from streams.decode import decode_keyframes, decode_pictures
from streams.types import Packet, Shot

KEYFRAMES_SERVE = 1.1
"""Keyframes so many times as far apart as a look's pictures still serve it. With twice as far the
incident benchmark's p95 delay went from 13 to 16 s, and a bag that lay for 4 s was lost."""

_GRACE_S = 5.0
"""A look whose packets come late ends so long after it should have."""

_LONGEST = 2.0
"""Times as long as was asked for at first: others wait for their looks."""


class LookReader:
    """Reads one look at a time of one camera; the judge may ask for more of it meanwhile."""

    def __init__(self, camera: Camera) -> None:
        self._camera = camera
        self._fps = 0.0
        self._until_s = self._at_most_s = float("-inf")

    def pictures(
        self, look_s: float, look_fps: float, after_s: float, stop: threading.Event
    ) -> Iterator[Shot]:
        """Pictures at `look_fps` from the last keyframe on, for `look_s` or as `wanted` says.

        A slow look is content with the keyframes where they come often enough: to decode what
        lies between costs twenty times as much.

        Args:
            look_s: Seconds of media time.
            look_fps: Pictures per second.
            after_s: Media time up to which everything has been judged already.
            stop: Ends it.
        """
        ring = self._camera.ring
        key = ring.newest_keyframe()
        if key is None:
            return
        began_s = max(key.timestamp_s, after_s)  # rare keyframes: much of it has been judged
        self._fps, self._until_s = look_fps, began_s + look_s
        self._at_most_s = began_s + _LONGEST * look_s
        due_s, packets = after_s, self._packets(key.timestamp_s, began_s, stop)
        slow = look_fps <= SLOW_LOOK_FPS and self._keyframes_serve()
        for picture in decode_keyframes(packets) if slow else decode_pictures(packets):
            if picture.timestamp_s > self._until_s:
                return
            if picture.timestamp_s > due_s:
                due_s = max(due_s, picture.timestamp_s - 1 / look_fps) + 1 / look_fps
                yield picture

    def wanted(self, now_s: float, want: LookWant) -> None:
        """Take what the judgement of a look's picture asks for.

        More of the same makes the look longer, to twice its length at most; for a faster one it
        ends, so that that may begin.
        """
        if want.look_fps > self._fps:
            self._until_s = now_s
        elif want.look_fps == self._fps:
            longer_s = min(now_s + want.look_s, self._at_most_s)
            self._until_s = max(self._until_s, longer_s)

    def _keyframes_serve(self) -> bool:
        """Whether two keyframes have shown that they come often enough."""
        ring = self._camera.ring
        last = ring.keyframes()[-2:]
        known = len(last) == 2 and last[0].epoch == last[1].epoch
        return known and ring.keyframe_gap_s() <= KEYFRAMES_SERVE / self._fps

    def _packets(self, start_s: float, began_s: float, stop: threading.Event) -> Iterator[Packet]:
        """Packets from a keyframe at `start_s` on, for a look that begins at `began_s`."""
        asked_s = time.monotonic()
        for packet in self._camera.ring.follow(start_s, timeout_s=2.0):
            look_s = self._until_s - began_s
            over = packet.decode_s > self._until_s
            if over or stop.is_set() or time.monotonic() - asked_s > look_s + _GRACE_S:
                return
            yield packet
