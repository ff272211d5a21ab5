"""The patrol's look-back over a clip: its packets come into a ring as they would from a camera.

Reads the clip and detects; runs beside `patrol`, which decodes the same clip for glances.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType

from bench.incidents.footage import TrueClip
from bench.incidents.sight import Sight
from models.detections import Detections
from models.region_plan import PixelBox
from pipeline.engine.lookback import LookBack, LookBackOrder
from pipeline.types import Act
from pipeline.view_pipeline import Judgement
from streams.errors import StreamError
from streams.ring import PacketRing
from streams.source import SourceOptions, open_source
from streams.types import Frame, Packet, Shot

RING_S = 30.0
"""As a site has it by default."""

ANSWER_S = 4.0
"""From a glance that shows a thing to the act behind it: 20 s of video decoded, and 120 pictures
detected on a core that has other work too."""

_KEPT = 4


class ClipBack:
    """What `WatchedView` does about look-backs, without threads: asked now, known a while later.

    A clip that is neither H.264 nor H.265 has no ring, and nothing is looked back in.

    Args:
        clip: The clip.
        sight: What sees it; it must be open on it.

    Attributes:
        saved_s: CPU seconds of detection that kept answers saved; below 0 what keeping them cost.
    """

    def __init__(self, clip: TrueClip, sight: Sight) -> None:
        self._clip, self._sight = clip, sight
        self._ring = PacketRing(RING_S)
        self._search = LookBack(self._see, sight.labels, sight.thresholds)
        self._acts: deque[tuple[float, Act]] = deque(maxlen=_KEPT)
        self._stack = ExitStack()
        self._packets: Iterator[Packet] = iter(())
        self._next: Packet | None = None
        self.saved_s = 0.0

    def __enter__(self) -> ClipBack:
        options = SourceOptions(pace="fast")
        try:
            source = open_source(self._clip.clip_id, str(self._clip.path), options)
            self._packets = self._timed(self._stack.enter_context(source))
        except StreamError:
            return self
        self._next = next(self._packets, None)
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._stack.close()

    def acts(self, now_s: float) -> tuple[Act, ...]:
        """What look-backs have found by now."""
        return tuple(act for known_s, act in self._acts if known_s <= now_s)

    def ask(self, frame: Frame, judgement: Judgement) -> None:
        """Look back for the first claim that wishes it, unless a search is under way."""
        claim = next((s for s in judgement.suspicions if s.look_back), None)
        now_s = frame.timestamp_s
        if claim is None or any(known_s > now_s for known_s, _ in self._acts):
            return
        self._fill(now_s)
        if self._ring.newest_keyframe() is None:
            return
        order = LookBackOrder.of(claim, frame)
        found = self._search.search(self._ring, order, threading.Event())
        self._acts.append((now_s + ANSWER_S, found.act))

    def _see(self, wanted: Sequence[tuple[Shot, Sequence[PixelBox]]]) -> list[Detections]:
        out = []
        for shot, regions in wanted:
            before = time.process_time()
            t_s = shot.timestamp_s - self._clip.start_s
            found, cpu_s = self._sight.see_in(t_s, shot.frame().image, regions)
            self.saved_s += cpu_s - (time.process_time() - before)
            out.append(found)
        return out

    def _fill(self, now_s: float) -> None:
        while self._next is not None and self._next.timestamp_s <= now_s:
            self._ring.append(self._next)
            self._next = next(self._packets, None)

    def _timed(self, packets: Iterable[Packet]) -> Iterator[Packet]:
        """The packets on the clip's clock."""
        first_s: float | None = None
        for packet in packets:
            first_s = packet.timestamp_s if first_s is None else first_s
            moved_s = self._clip.start_s - first_s
            yield replace(
                packet,
                timestamp_s=packet.timestamp_s + moved_s,
                decode_s=packet.decode_s + moved_s,
            )
