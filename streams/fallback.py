"""Glances at a stream that has no timely keyframes, by decoding everything between them."""

from __future__ import annotations

from streams.decode import FrameDecoder
from streams.errors import DecodeError
from streams.picture import Picture
from streams.ring import PacketRing


class FallbackDecoder:
    """Follows one ring; keeps its decoder between glances, so for one thread."""

    def __init__(self, ring: PacketRing) -> None:
        self._cursor = ring.cursor()
        self._decoder = FrameDecoder(wait_for_keyframe=False)

    def newest(self, newer_than_s: float) -> Picture | None:
        """Decode what came since the last call and return the newest picture of it.

        Raises:
            DecodeError: Packets came, and none of them gave a picture.
        """
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
