"""Glances at a stream that has no timely keyframes, by decoding everything between them."""

from __future__ import annotations

from streams.decode import FrameDecoder
from streams.errors import DecodeError
from streams.picture import Picture
from streams.ring import PacketRing
from streams.types import Packet

HEALS_S = 15.0
"""After damage no picture is believed before the next keyframe, or for so long where none comes:
streams that are refreshed bit by bit heal without one."""


class FallbackDecoder:
    """Follows one ring; keeps its decoder between glances, so for one thread."""

    def __init__(self, ring: PacketRing) -> None:
        self._cursor = ring.cursor()
        self._decoder = FrameDecoder(wait_for_keyframe=False)
        self._is_sound = False
        self._heals_at_s = float("-inf")

    def newest(self, newer_than_s: float) -> Picture | None:
        """Decode what came since the last call and return the newest picture of it.

        Raises:
            DecodeError: Packets came, and none of them gave a picture, or what they show is
                damaged: the next keyframe mends it.
        """
        picture, failure = None, None
        for packet in self._cursor.take():
            try:
                decoded = self._decoder.decode(packet)
            except DecodeError as error:
                failure = error
                self._damaged(packet)
                continue
            self._judge(packet, decoded)
            picture = next(reversed(decoded), picture)
        if picture is None and failure is not None:
            raise failure
        if picture is None or picture.timestamp_s <= newer_than_s:
            return None
        if picture.timestamp_s < self._heals_at_s:
            raise DecodeError(f"the picture is damaged, camera {picture.camera_id}")
        return picture

    def _judge(self, packet: Packet, decoded: list[Picture]) -> None:
        """A stream that was sound and is no more is damaged; one that never was is as it is."""
        if any(picture.is_corrupt for picture in decoded):
            if self._is_sound:
                self._damaged(packet)
        elif decoded:
            self._is_sound = True
            if packet.is_keyframe:
                self._heals_at_s = float("-inf")

    def _damaged(self, packet: Packet) -> None:
        self._is_sound = False
        self._heals_at_s = packet.timestamp_s + HEALS_S
