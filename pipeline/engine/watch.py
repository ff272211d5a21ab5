"""One view under watch: its camera, its pipeline, and what the people at the screens see of it."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import structlog

from models.detections import Detections
from models.region_plan import PixelBox
from pipeline.boxes import extent, gap, to_pixels
from pipeline.confirm import LookWant
from pipeline.confirm.looks import worth
from pipeline.engine.look_reader import LookReader
from pipeline.engine.lookback import FoundAct, LookBack, LookBackOrder
from pipeline.engine.unchanged import UnchangedView
from pipeline.tour.values import CloseView
from pipeline.types import Box, BoxAt, CrowdCount, Phase, Sighting, Track, ViewKey
from pipeline.view_pipeline import Judgement, ViewPipeline, ViewPlan
from pipeline.zones import Zone
from streams.camera import Camera
from streams.types import Frame, Shot

log = structlog.get_logger(__name__)

_STEPS_KEPT = 4000
_RATE_OVER_S = 60.0
_STILL_WIDTH = 960
STILL_S, UNWATCHED_STILL_S = 4.0, 30.0
"""So often a view's still is renewed while somebody looks at stills, and while nobody does."""
_BEFORE_EVERY_S = 30.0
_URGENT = 3
_ACTS_KEPT, _ACT_KEPT_S, _ACT_BYTES = 4, 1800.0, 24 * 1024 * 1024
"""So many answers of look-backs a view keeps, for so long, with so many packets together: until the
dwell is over that makes an incident of what they are about."""

Count = Callable[[Shot, Sequence[Zone], Detections], tuple[CrowdCount, ...]]
"""People in the zones of a picture where boxes saturate."""


@dataclass(frozen=True, slots=True, eq=False)
class Finding:
    """A sighting with the picture behind it, on its way to the ledger.

    Attributes:
        sighting: What was confirmed.
        frame: The picture behind the message.
        before: A picture of the view without any suspicion, small, the newest such or up to half a
            minute older; None if there was none.
        camera: Where the clip can be cut from.
        watch: The view, for the boxes of the clip.
        act: How it began, None when nobody looked back or nobody was seen.
    """

    sighting: Sighting
    frame: Frame
    before: Frame | None
    camera: Camera
    watch: WatchedView
    act: FoundAct | None = None


@dataclass(frozen=True, slots=True)
class WatchState:
    """What can be said of a view now.

    Attributes:
        glances_per_s: Over the last minute.
        delay_s: From the last picture's arrival to its judgement, None before the first.
        open_sightings: Confirmed and not ended.
        found: Sightings started in this run.
    """

    glances_per_s: float
    delay_s: float | None
    open_sightings: int
    found: int


@dataclass(frozen=True, slots=True, eq=False)
class Still:
    """The last judged picture, made small, and the boxes seen in it, for the camera wall."""

    frame: Frame
    size: tuple[int, int]
    tracks: tuple[Track, ...]


@dataclass(slots=True)
class _Tally:
    """Counts of one view; written by the judge, read by others."""

    judged_at: deque[float] = field(default_factory=lambda: deque(maxlen=1000))
    delay_s: float | None = None
    found: int = 0


class WatchedView:
    """Glances, looks and judges for one view; the judge is one thread, `glance` another.

    Attributes:
        is_scheduled: Whether the worker glances at it by itself.
        still_every_s: A picture so much later than the last still becomes the next one.
    """

    is_scheduled = True
    still_every_s = UNWATCHED_STILL_S

    def __init__(
        self,
        key: ViewKey,
        camera: Camera,
        pipeline: ViewPipeline,
        zones: Sequence[Zone],
        *,
        publish: Callable[[Finding], None],
        count: Count | None = None,
        glance_period_s: float | None = None,
        unchanged_s: float = 0.0,
        look_back: LookBack | None = None,
    ) -> None:
        self.key = key
        self.camera = camera
        self._publish = publish
        self._count = count
        self._fixed_period_s = glance_period_s
        self._glanced_s = float("-inf")
        self._judged_s = float("-inf")
        self._steps: deque[BoxAt] = deque(maxlen=_STEPS_KEPT)
        self._steps_lock = threading.Lock()
        self._judging = threading.Lock()
        self._tally = _Tally()
        self._still: Still | None = None
        self._before: Frame | None = None
        self._unchanged = UnchangedView(unchanged_s)
        self._looks = LookReader(camera)
        self._finder = look_back
        self._asked_back: LookBackOrder | None = None
        self._acts: tuple[tuple[float, FoundAct], ...] = ()
        self.pipeline = pipeline
        self.zones = tuple(zones)

    @property
    def glance_period_s(self) -> float:
        """The configured period, else the shortest that a rule asks for, else 10 s."""
        if self._fixed_period_s is not None:
            return self._fixed_period_s
        return min((r.glance_period_s for z in self.zones for r in z.rules), default=10.0)

    @property
    def is_urgent(self) -> bool:
        """Some rule of it is severe: it has the right of way when there is too much to do."""
        return any(rule.severity >= _URGENT for zone in self.zones for rule in zone.rules)

    @property
    def doubtful_places(self) -> tuple[Box, ...]:
        """Where claims gather evidence, 0..1, see `Confirmation`."""
        return self.pipeline.confirmation.doubtful_places

    def replan(self, plan: ViewPlan) -> None:
        """Take over new zones from the next picture on; between pictures, so nothing is lost."""
        with self._judging:
            self.pipeline, self.zones = self.pipeline.successor(plan), plan.zones

    def background(self) -> bytes:
        """What the view looks like without anything new, to be kept over a restart."""
        with self._judging:
            return self.pipeline.background()

    def glance(self) -> Shot | None:
        """Decode the newest keyframe, None when it was seen already.

        Raises:
            DecodeError: It gives no picture.
        """
        picture = self.camera.glance(self._glanced_s, self.glance_period_s)
        if picture is None:
            return None
        self._glanced_s = picture.timestamp_s
        return picture

    def known(self, shot: Shot) -> Detections | None:
        """What the detector saw in the same picture a while ago, None when it has to look."""
        return self._unchanged.known(shot, self._watched(shot))

    def look(self, look_s: float, look_fps: float, stop: threading.Event) -> Iterator[Shot]:
        """Pictures under full attention, see `LookReader.pictures`."""
        return self._looks.pictures(look_s, look_fps, self._judged_s, stop)

    def judge(
        self, shot: Shot, detections: Detections, looking: bool
    ) -> tuple[LookWant, ...] | None:
        """Judge one picture, hand its sightings on, and say what deserves a look.

        A picture no newer than the last judged one is left out, which gives None and says nothing
        of any wish: a look may overtake a glance.
        """
        if shot.timestamp_s <= self._judged_s:
            return None
        self._judged_s = shot.timestamp_s
        with self._judging:
            counts = self._count(shot, self.zones, detections) if self._count else ()
            self._forget_acts(shot.timestamp_s)
            acts = [found.act for _, found in self._acts]
            judgement = self.pipeline.judge(
                shot, detections, counts=counts, looking=looking, acts=acts
            )
            decided = not self.pipeline.confirmation.undecided
        self._unchanged.detected(shot, self._watched(shot), detections, decided)
        self._remember(shot, judgement)
        for sighting in judgement.sightings:
            self._tally.found += sighting.phase is Phase.STARTED
            act = self._act_at(sighting, shot)
            self._publish(Finding(sighting, shot.frame(), self._before, self.camera, self, act))
        self._ask_back(shot, judgement)
        wants = worth(judgement.wants, self.glance_period_s)
        if wants and looking:
            self._looks.wanted(shot.timestamp_s, wants[0])
        return wants

    def take_close_up(self, close: CloseView, shot: Shot, detections: Detections) -> None:
        """Let an enlarged picture of a place speak for or against the claims about it."""
        with self._judging:
            self.pipeline.take_close_up(close, shot, detections)

    @property
    def wants_look_back(self) -> bool:
        """A thing has appeared, and nobody has looked back yet."""
        return self._asked_back is not None

    def look_back(self, stop: threading.Event) -> None:
        """Search the ring for the act behind what appeared; the next judgement knows it.

        After a search that fails nobody is known, as when nobody was seen.
        """
        order = self._asked_back
        if order is None or self._finder is None:
            return
        found = order.nobody()
        try:
            found = self._finder.search(self.camera.ring, order, stop)
        finally:
            with self._judging:
                self._keep_act(found)
                self._asked_back = None
        log.info("looked back", view=str(self.key), actor=found.act.actor)

    def close_up(self, place_norm: Box) -> Frame | None:
        """An enlarged picture of a place, None: only a head can look closer."""
        return None

    def still(self) -> Still | None:
        """The last judged picture."""
        return self._still

    def state(self) -> WatchState:
        """Rates and counts for people; any thread may ask."""
        now = time.time()
        recent = sum(1 for at in tuple(self._tally.judged_at) if now - at <= _RATE_OVER_S)
        open_now = len(self.pipeline.confirmation.open_sightings)
        return WatchState(recent / _RATE_OVER_S, self._tally.delay_s, open_now, self._tally.found)

    def steps(self, start_s: float, end_s: float) -> list[BoxAt]:
        """Boxes seen between two media times, for the clip's player."""
        with self._steps_lock:
            return [s for s in self._steps if start_s <= s.timestamp_s <= end_s]

    def polygon(self, zone_id: str) -> tuple[tuple[float, float], ...]:
        """Corners of a zone, 0..1; empty when it is gone."""
        return next((z.polygon for z in self.zones if z.id == zone_id), ())

    def _remember(self, shot: Shot, judgement: Judgement) -> None:
        now = time.time()
        self._tally.judged_at.append(now)
        self._tally.delay_s = max(0.0, now - shot.captured_at.timestamp())
        seen = [t for t in judgement.scene.tracks if t.last_seen_s >= shot.timestamp_s]
        width, height = shot.size
        with self._steps_lock:
            for track in seen:
                x1, y1, x2, y2 = track.xyxy
                box = (x1 / width, y1 / height, x2 / width, y2 / height)
                self._steps.append(BoxAt(shot.timestamp_s, box, track.label, track.confidence))
        small: Frame | None = None
        shown = self._still.frame if self._still is not None else None
        if _is_due(shot, shown, self.still_every_s):
            small = _small(shot)
            self._still = Still(small, shot.size, tuple(seen))
        if not judgement.suspicions and _is_due(shot, self._before, _BEFORE_EVERY_S):
            self._before = small or _small(shot)

    def _ask_back(self, shot: Shot, judgement: Judgement) -> None:
        claim = next((s for s in judgement.suspicions if s.look_back), None)
        if self._finder is None or self._asked_back is not None or claim is None:
            return
        self._asked_back = LookBackOrder.of(claim, shot)

    def _keep_act(self, found: FoundAct) -> None:
        """The newest answers, the older of them without packets where all would be too many."""
        kept, held = [(self._judged_s, found)], found.size
        for at_s, older in reversed(self._acts):
            held += older.size
            kept.append((at_s, older if held <= _ACT_BYTES else FoundAct(older.act)))
        self._acts = tuple(reversed(kept[:_ACTS_KEPT]))

    def _forget_acts(self, now_s: float) -> None:
        """Only what was found of late is kept; the act may have been long before."""
        if self._acts and not 0 <= now_s - self._acts[0][0] < _ACT_KEPT_S:
            self._acts = tuple(a for a in self._acts if 0 <= now_s - a[0] < _ACT_KEPT_S)

    def _act_at(self, sighting: Sighting, shot: Shot) -> FoundAct | None:
        """The act behind a sighting that starts, None without an actor."""
        if sighting.phase is not Phase.STARTED or not _is_done_by_somebody(sighting):
            return None
        place = to_pixels(sighting.xyxy_norm, shot.size)
        found = [f for _, f in self._acts if f.act.claim.type == sighting.type]
        acts = [f for f in found if f.act.actor is not None]
        near = [f for f in acts if gap(f.act.xyxy, place) <= 0.5 * extent(place)]
        return near[-1] if near else None

    def _watched(self, shot: Shot) -> PixelBox:
        """What of the picture matters: the zones' common box, all of it without zones."""
        width, height = shot.size
        boxes = [zone.bounds(shot.size) for zone in self.zones]
        if not boxes:
            return 0, 0, width, height
        return (
            max(0, math.floor(min(b[0] for b in boxes))),
            max(0, math.floor(min(b[1] for b in boxes))),
            min(width, math.ceil(max(b[2] for b in boxes))),
            min(height, math.ceil(max(b[3] for b in boxes))),
        )


def _is_done_by_somebody(sighting: Sighting) -> bool:
    """Garbage was perhaps only found; a stall is always somebody's."""
    return sighting.subtype == "dumping" or sighting.type == "street_vending"


def _is_due(shot: Shot, last: Frame | None, every_s: float) -> bool:
    """Whether a picture follows on one of before; also after a step back in time."""
    return last is None or not 0 <= shot.timestamp_s - last.timestamp_s < every_s


def _small(shot: Shot) -> Frame:
    """The same picture at most `_STILL_WIDTH` wide, so that hundreds of views fit in memory."""
    width, height = shot.size
    scale = min(1.0, _STILL_WIDTH / width)
    image = shot.averaged((round(width * scale), max(1, round(height * scale))))
    return Frame(shot.camera_id, shot.timestamp_s, shot.captured_at, image)
