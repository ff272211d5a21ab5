"""One eagle-eye's tour as a state machine: pictures in, judgeable views out. Clocks are passed in.

    travelling ──► settling ──► watching ──► (next stop) travelling
                      │            ├──► close look ──► travelling (back to the same stop)
                      └── fault    └──► by hand ──► travelling, when the hands are off

Nothing is judged but in `watching` and `close look`, and only after the picture was verified. A
tour driven by the device itself goes through the same states; only nobody calls `goto`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from pipeline.tour.closer import CloseLooks, step_towards
from pipeline.tour.plan import next_stop
from pipeline.tour.settings import StopSettings, TourSettings
from pipeline.tour.settle import SettleDetector
from pipeline.tour.values import CloseLook, CloseView, FaultKind, ImageArray, Seen, Stage, TourFault
from pipeline.tour.verify import (
    Reference,
    Shown,
    Verification,
    align,
    recognise,
    verify,
    verify_arrival,
)
from pipeline.types import ViewKey
from streams.ptz.head import HeadError, HeadRefused, PtzHead

OBEY_S = 6.0
"""Commands and pictures both take time: so long a picture that has not moved may be the old one."""

RETRY_S = 10.0
"""Rest after a head did not answer."""

AGAIN_S = 3.0
"""Time between two attempts to recognise where a device that drives itself stands."""

_FAR = 8.0
"""Times the settle limit from which a move is no sway."""


@dataclass(slots=True)
class Tour:
    """Drives one head, or watches one that drives itself.

    Attributes:
        camera_id: Of the eagle-eye.
        settings: The tour.
        head: None for a tour that the device drives.
        references: Pictures of the presets by view; filled from the first arrivals if empty.
        wants: Close looks asked for; each happens during the next visit of its view.
        held: An operator holds the head: nothing is judged, and the tour waits.
    """

    camera_id: str
    settings: TourSettings
    head: PtzHead | None = None
    references: dict[str, tuple[Reference, ...]] = field(default_factory=dict)
    stage: Stage = Stage.TRAVELLING
    wants: CloseLooks = field(default_factory=CloseLooks)
    held: bool = False
    _stop: StopSettings | None = None
    _since_s: float | None = None
    _visits: dict[str, float] = field(default_factory=dict)
    _wrong: dict[str, int] = field(default_factory=dict)
    _check: Verification | None = None
    _close: CloseView | None = None
    _close_since_s: float | None = None
    _hands_s: float | None = None
    _has_moved: bool = False
    _sways: bool = False
    _rests_until_s: float = float("-inf")
    _begun_s: float | None = None
    _settle: SettleDetector = field(init=False)

    def __post_init__(self) -> None:
        self._settle = SettleDetector(self.settings.settle)

    @property
    def visits(self) -> Mapping[str, float]:
        """End of the last visit by view, media time; what a restart must be given back."""
        return dict(self._visits)

    @property
    def heading_for(self) -> str | None:
        """View of the stop that the head was sent to, or stands at; None between stops."""
        return self._stop.view if self._stop else None

    def resume(self, visits: Mapping[str, float]) -> None:
        """Take up an earlier run's visits."""
        self._visits.update(visits)

    def take_over(self, now_s: float) -> None:
        """Somebody moves the head: nothing is judged until the hands are off for a while."""
        self.stage, self._hands_s = Stage.BY_HAND, now_s
        self._settle.reset()

    def update(self, image: ImageArray, now_s: float, open_views: Sequence[str]) -> Seen:
        """Take one picture.

        Args:
            image: (H, W, 3) uint8, BGR.
            now_s: Its media time.
            open_views: Views that are visited at this hour, see `plan.open_views`.
        """
        still = self._settle.update(image, now_s)
        if self._begun_s is None:
            self._begun_s = now_s
        if self.held:
            return self._wait_for_the_holder(now_s)
        if self.stage is Stage.BY_HAND:
            return self._by_hand(still, now_s, open_views)
        if now_s < self._rests_until_s:
            return Seen()
        if self._stop is None:
            return self._leave_for(open_views, now_s)
        if self.stage in (Stage.TRAVELLING, Stage.SETTLING):
            return self._approach(image, now_s, still, open_views)
        if self.stage is Stage.CLOSE_LOOK:
            return self._look_closely(image, now_s, still)
        return self._watch(image, now_s, still, open_views)

    def _wait_for_the_holder(self, now_s: float) -> Seen:
        """The visit is over; when the head is given back, the tour goes on at once."""
        left = self._end_visit(now_s) if self._stop is not None and self._check else None
        self._check, self._close, self._hands_s = None, None, None
        self.stage = Stage.BY_HAND
        return Seen(left=left)

    def _by_hand(self, still: bool, now_s: float, open_views: Sequence[str]) -> Seen:
        if self._hands_s is not None and not still:
            self._hands_s = now_s
        if self._hands_s is not None and now_s - self._hands_s < self.settings.manual_s:
            return Seen()
        left = self._view() if self._stop and self._check else None
        seen = self._leave_for(open_views, now_s)
        return Seen(left=left, faults=seen.faults)

    def _leave_for(self, open_views: Sequence[str], now_s: float) -> Seen:
        """Start towards the next stop; with nothing open, rest."""
        stop = next_stop(self.settings, self._visits, now_s, open_views)
        self._close, self._check = None, None
        if stop is None:
            self.stage, self._stop = Stage.CLOSED, None
            return Seen()
        return self._go(stop, now_s)

    def _go(self, stop: StopSettings, now_s: float) -> Seen:
        self._stop, self._since_s, self.stage = stop, now_s, Stage.TRAVELLING
        self._has_moved = False
        self._settle.reset()
        if self.head is None:
            return Seen()
        try:
            self.head.goto(stop.preset)
        except HeadRefused as error:
            self._rests_until_s = now_s + AGAIN_S
            fault = self._fault(stop, FaultKind.HEAD_REFUSED, now_s, str(error))
            return self._give_up(stop, now_s, fault)
        except HeadError as error:
            self._stop, self._rests_until_s = None, now_s + RETRY_S
            return Seen(faults=(self._fault(stop, FaultKind.HEAD_SILENT, now_s, str(error)),))
        return Seen()

    def _approach(
        self, image: ImageArray, now_s: float, still: bool, open_views: Sequence[str]
    ) -> Seen:
        stop = self._expected()
        self.stage = Stage.SETTLING
        self._has_moved = self._has_moved or self._settle.moved
        waited_s = now_s - (self._since_s or now_s)
        if not still:
            if waited_s <= self.settings.settle.give_up_s or self.head is None:
                return Seen()
            fault = self._fault(stop, FaultKind.NEVER_STILL, now_s, "picture never stood still")
            return self._give_up(stop, now_s, fault)
        if self.head is None:
            return self._recognise(image, now_s, open_views)
        check = verify_arrival(image, stop.view, self.references, self.settings.verify)
        if check is not None and check.shown is not Shown.WRONG and check.match is not None:
            return self._arrive(image, check, now_s)
        if not self._has_moved and waited_s < OBEY_S:
            return Seen()
        if check is None:
            self.references[stop.view] = (Reference(image),)
            return self._arrive(image, Verification(Shown.RIGHT, None), now_s)
        return self._refuse(image, stop, check, now_s)

    def _refuse(
        self, image: ImageArray, stop: StopSettings, check: Verification, now_s: float
    ) -> Seen:
        wrong = self._wrong[stop.view] = self._wrong.get(stop.view, 0) + 1
        lost = wrong >= self.settings.verify.lost_after
        kind = FaultKind.LOST_PRESET if lost else FaultKind.WRONG_VIEW
        detail = f"arrival {wrong} in a row does not show the preset"
        fault = self._fault(stop, kind, now_s, detail, image=image, instead=check.instead)
        return self._give_up(stop, now_s, fault)

    def _recognise(self, image: ImageArray, now_s: float, open_views: Sequence[str]) -> Seen:
        """A device on its own tour: find out which preset it stands at."""
        self._rests_until_s = now_s + AGAIN_S
        stops = {s.view: s for s in self.settings.stops if s.view in self.references}
        here = recognise(image, list(stops), self.references, self.settings.verify)
        if here is None:
            return Seen(faults=self._missed(now_s))
        stop, check = stops[here[0]], here[1]
        if stop.view not in open_views:
            return Seen()
        self._stop, self._rests_until_s = stop, float("-inf")
        return replace(self._arrive(image, check, now_s), faults=self._missed(now_s))

    def _missed(self, now_s: float) -> tuple[TourFault, ...]:
        """Presets that a device on its own tour has not come to for far too long, each once."""
        patience_s, begun_s = 2 * self.settings.longest_gap_s(), self._begun_s or now_s
        faults = []
        for stop in self.settings.stops:
            seen_s = max(self._visits.get(stop.view, begun_s), begun_s)
            if stop == self._stop or stop.hours:
                continue
            if now_s - seen_s > patience_s and stop.view not in self._wrong:
                self._wrong[stop.view] = 1
                detail = f"the device has not come to it for {now_s - seen_s:.0f} s"
                faults.append(self._fault(stop, FaultKind.LOST_PRESET, now_s, detail))
        return tuple(faults)

    def _arrive(self, image: ImageArray, check: Verification, now_s: float) -> Seen:
        self._check, self._since_s, self.stage = check, now_s, Stage.WATCHING
        self._sways = False
        self._wrong.pop(self._expected().view, None)
        return Seen(self._view(), self._laid(image), arrived=True)

    def _watch(
        self, image: ImageArray, now_s: float, still: bool, open_views: Sequence[str]
    ) -> Seen:
        stop = self._expected()
        steady = self._is_steady(image, stop, still)
        if steady is None:
            return self._moved_away(now_s)
        here = Seen(self._view(), self._laid(image)) if steady else Seen()
        if self.head is None:
            return here
        watched_s = now_s - (self._since_s or now_s)
        look = self._wanted(stop) if watched_s >= 0.3 * stop.dwell_s else None
        if look is not None:
            return self._go_closer(look, now_s)
        alone = next_stop(self.settings, {**self._visits, stop.view: now_s}, now_s, open_views)
        if watched_s < stop.dwell_s or alone == stop:
            return here
        left = self._end_visit(now_s)
        return Seen(left=left, faults=self._leave_for(open_views, now_s).faults)

    def _is_steady(self, image: ImageArray, stop: StopSettings, still: bool) -> bool | None:
        """Whether the picture may be judged; None when it shows the view no more.

        After any move the picture is verified and registered anew: a mast that sways in the wind
        leaves zones a little off, and somebody's hands may have come to rest elsewhere.
        """
        limit = self.settings.settle.shift_px
        if self._settle.shift_px <= limit and not self._sways:
            return True
        self._sways = True
        if not still and self._settle.shift_px <= _FAR * limit:
            return False
        check = verify(image, stop.view, self.references, self.settings.verify)
        if check.shown is Shown.WRONG or check.match is None:
            return None
        if still:
            self._check, self._sways = check, False
        return still

    def _moved_away(self, now_s: float) -> Seen:
        """The picture moves and nobody here said so: the device's tour, or somebody's hands."""
        left, self._check = self._end_visit(now_s), None
        if self.head is None:
            self.stage, self._since_s = Stage.TRAVELLING, now_s
            self._settle.reset()
        else:
            self.take_over(now_s)
        return Seen(left=left)

    def _wanted(self, stop: StopSettings) -> CloseLook | None:
        """The most urgent close look of this view, where the head can make one."""
        if self.head is None or not self.head.can_step or not stop.may_zoom:
            return None
        return self.wants.take(stop.view)

    def _go_closer(self, look: CloseLook, now_s: float) -> Seen:
        step = step_towards(look.xyxy_norm, self.settings.closer)
        assert self.head is not None
        try:
            self.head.step(step)
        except HeadError as error:
            stop = self._expected()
            return Seen(faults=(self._fault(stop, FaultKind.HEAD_SILENT, now_s, str(error)),))
        self._close, self._close_since_s = CloseView.of(look.xyxy_norm, step.closer), None
        self._since_s, self.stage, self._has_moved = now_s, Stage.CLOSE_LOOK, False
        self._settle.reset()
        return Seen()

    def _look_closely(self, image: ImageArray, now_s: float, still: bool) -> Seen:
        """Show the enlarged picture while it stands still, then go back to the same stop."""
        self._has_moved = self._has_moved or self._settle.moved
        still = still and self._has_moved
        if still and self._close_since_s is None:
            self._close_since_s = now_s
        begun, patience = self._close_since_s, self.settings.close_look_s
        if begun is None:
            begun, patience = self._since_s or now_s, self.settings.settle.give_up_s
        if now_s - begun < patience:
            return Seen(close=self._close, image=image) if still else Seen()
        left = self._end_visit(now_s)
        back = self._go(self._expected(), now_s)
        return Seen(left=left, faults=back.faults)

    def _give_up(self, stop: StopSettings, now_s: float, fault: TourFault) -> Seen:
        """Count the visit as made, so that a broken preset does not hold up the tour."""
        self._visits[stop.view] = now_s
        self._stop, self._check = None, None
        return Seen(faults=(fault,))

    def _end_visit(self, now_s: float) -> ViewKey:
        stop = self._expected()
        self._visits[stop.view] = now_s
        return ViewKey(self.camera_id, stop.view)

    def _laid(self, image: ImageArray) -> ImageArray:
        check = self._check
        if check is None or check.match is None or check.shown is Shown.RIGHT:
            return image
        return align(image, check.match)

    def _expected(self) -> StopSettings:
        assert self._stop is not None
        return self._stop

    def _view(self) -> ViewKey:
        return ViewKey(self.camera_id, self._expected().view)

    def _fault(
        self,
        stop: StopSettings,
        kind: FaultKind,
        now_s: float,
        detail: str,
        *,
        image: ImageArray | None = None,
        instead: str | None = None,
    ) -> TourFault:
        known = self.references.get(stop.view)
        view = ViewKey(self.camera_id, stop.view)
        reference = known[0].image if known else None
        return TourFault(view, kind, now_s, detail, image, reference, instead)
