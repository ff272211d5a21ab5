"""Crowding: people in the zone above a number or a density, held."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np

from pipeline.boxes import foot, union
from pipeline.rules.settings import CrowdingSettings
from pipeline.sightlines import PEOPLE, seen_now
from pipeline.types import Box, Reason, Scene, Suspicion, Track
from pipeline.zones import Zone

LEVELS = (1.0, 1.5, 2.0, 3.0)
"""Times the limit from which a crowd is of level 1, 2, 3, 4."""

TREND_DWELLS = 6
"""The trend is fitted over so many dwells."""

MAX_COUNTS = 2_000


class CrowdingRule:
    """Counts the people of a zone, by boxes or, where given, by density.

    Hysteresis: a crowd begins at the limit and lasts until the count is below `keep_ratio` of
    it. One low count between high ones does not restart the dwell: at the limit's edge boxes
    flicker, and confirmation asks for a share of the pictures anyway.
    """

    def __init__(self, settings: CrowdingSettings, zone: Zone) -> None:
        self._settings, self._zone = settings, zone
        self._since_s: float | None = None
        self._below_s: float | None = None
        self._last_s: float | None = None
        self._peak = 0.0
        self._counts: deque[tuple[float, float]] = deque(maxlen=MAX_COUNTS)

    def update(self, scene: Scene) -> list[Suspicion]:
        inside = [t for t in seen_now(scene, PEOPLE) if self._zone.has_foot(t.xyxy, scene.size)]
        people, method = self._count(scene, inside)
        level = self._level(people)
        if self._settings.ignore_queues and self._is_queue(inside):
            level = 0.0
        self._follow(level, people, scene.timestamp_s)
        if self._since_s is None or level < self._settings.keep_ratio:
            return []
        return [self._claim(people, method, level, inside, scene)]

    def _count(self, scene: Scene, inside: Sequence[Track]) -> tuple[float, str]:
        for count in scene.counts:
            if count.zone_id == self._zone.id:
                return count.people, count.method
        return float(len(inside)), "boxes"

    def _level(self, people: float) -> float:
        """The count as a multiple of the limit that it comes nearest to."""
        settings = self._settings
        by_number = people / settings.people if settings.people else 0.0
        if settings.density_per_m2 is None or settings.area_m2 is None:
            return by_number
        return max(by_number, people / settings.area_m2 / settings.density_per_m2)

    def _follow(self, level: float, people: float, now_s: float) -> None:
        settings = self._settings
        gap_s = now_s - self._last_s if self._last_s is not None else 0.0
        self._last_s = now_s
        if gap_s < 0 or gap_s > settings.max_gap_s:
            self._since_s, self._below_s = None, None
            self._counts.clear()
        self._counts.append((now_s, people))
        while self._counts[0][0] < now_s - TREND_DWELLS * max(settings.dwell_s, 1e-6):
            self._counts.popleft()
        if level >= 1.0 and self._since_s is None:
            self._since_s, self._peak = now_s, 0.0
        if level >= settings.keep_ratio:
            self._below_s = None
        elif self._below_s is None:
            self._below_s = now_s
        elif now_s - self._below_s >= 0.5 * settings.dwell_s:
            self._since_s = None
        self._peak = max(self._peak, people)

    def _claim(
        self, people: float, method: str, level: float, inside: Sequence[Track], scene: Scene
    ) -> Suspicion:
        since_s = self._since_s if self._since_s is not None else scene.timestamp_s
        dwell_s = scene.timestamp_s - since_s
        # 0.5 at the limit, 0.4 at the lower bound of the hysteresis, 1 at twice the limit.
        strength = min(1.0, 0.5 * level)
        area_m2 = self._settings.area_m2
        measures = {
            "people": round(people, 1),
            "peak": round(self._peak, 1),
            "level": float(max(1, sum(level >= step for step in LEVELS))),
            "trend_per_min": round(self._trend_per_min(), 2),
        }
        if area_m2:
            measures["density_per_m2"] = round(people / area_m2, 3)
        reason = Reason(
            "crowded",
            strength,
            {"people": round(people, 1), "times_limit": round(level, 2), "method": method},
        )
        return Suspicion(
            "crowding",
            self._zone.id,
            self._place(inside, scene),
            since_s,
            strength,
            dwell_s >= self._settings.dwell_s,
            None,
            (reason, Reason("held", 0.0, {"dwell_s": round(dwell_s, 1)})),
            measures,
        )

    def _trend_per_min(self) -> float:
        times = np.array([t for t, _ in self._counts])
        if len(times) < 3 or times[-1] - times[0] <= 0:
            return 0.0
        people = np.array([n for _, n in self._counts])
        times = times - times.mean()
        return float(60.0 * (times * people).sum() / (times * times).sum())

    def _place(self, inside: Sequence[Track], scene: Scene) -> Box:
        if not inside:
            return self._zone.bounds(scene.size)
        box = inside[0].xyxy
        for track in inside[1:]:
            box = union(box, track.xyxy)
        return box

    def _is_queue(self, inside: Sequence[Track]) -> bool:
        """True when the foot points are much longer than wide, by their principal axes.

        In pixels, so perspective counts: a queue towards the camera looks shorter than it is.
        """
        if len(inside) < 4:
            return False
        points = np.array([foot(t.xyxy) for t in inside])
        spread = np.linalg.eigvalsh(np.cov(points.T))
        width, length = np.sqrt(np.maximum(spread, 1e-9))
        return bool(length / width >= self._settings.queue_elongation)
