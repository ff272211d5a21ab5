"""A tracker for glances: pictures come 0.04 s or 10 s apart, and both are normal."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from models.detections import Detections
from models.sureness import Sureness
from pipeline.track.association import FORBIDDEN, assign, costs, pairwise_iou
from pipeline.track.body import Anchor, Body
from pipeline.track.settings import TrackerSettings
from pipeline.types import Box, Track

KIN: tuple[frozenset[str], ...] = (
    frozenset({"car", "truck_bus"}),
    frozenset({"two_wheeler", "tricycle"}),
)
"""Classes that detectors mistake for each other: one track, its label by vote.

`helmet` and `bare_head`, `bin` and `overflowing_bin` are kept apart on purpose: which one it is
at each look is what their rules count."""

MAX_TRACKS = 2_000
"""Bound of the memory for one view; the oldest unseen go first."""


class Tracker:
    """Follows the things of one view; ids are unique in the instance.

    Args:
        labels: Class names of the detector, by class id.
        settings: Limits.
        thresholds: The card's confidence by label at which an object is there; a track's
            confidence, and the limits for it, are relative to it (`Sureness`).
    """

    def __init__(
        self,
        labels: Sequence[str],
        settings: TrackerSettings | None = None,
        thresholds: Mapping[str, float] | None = None,
    ) -> None:
        self._labels = tuple(labels)
        self._sureness = Sureness(self._labels, thresholds or {})
        self._settings = settings or TrackerSettings()
        self._ids = itertools.count(1)
        self._bodies: dict[str, list[Body]] = {}
        self._kin = {label: "+".join(sorted(kin)) for kin in KIN for label in kin}
        self._now_s = float("-inf")

    def update(self, detections: Detections, timestamp_s: float) -> tuple[Track, ...]:
        """All tracks alive after this picture, lost ones included, oldest first.

        Args:
            detections: What was found, pixels of the full frame.
            timestamp_s: Media time. A step backwards is another session: all tracks are dropped.
        """
        if timestamp_s < self._now_s:
            self._bodies.clear()
        self._now_s = timestamp_s
        detections = self._sureness(detections)
        rows = self._rows_by_family(detections)
        for family in sorted(rows.keys() | self._bodies.keys()):
            self._update_family(family, detections, rows.get(family, []))
        self._forget()
        bodies = sorted(self._all(), key=lambda b: b.track_id)
        return tuple(body.track(timestamp_s, self._settings) for body in bodies)

    def _rows_by_family(self, detections: Detections) -> dict[str, list[int]]:
        rows: dict[str, list[int]] = {}
        usable = (detections.confidence >= self._settings.keep_confidence) & np.all(
            np.isfinite(detections.xyxy), axis=1
        )
        for row in np.flatnonzero(usable).tolist():
            label = self._labels[int(detections.class_id[row])]
            rows.setdefault(self._kin.get(label, label), []).append(row)
        return rows

    def _update_family(self, family: str, detections: Detections, rows: list[int]) -> None:
        bodies = self._bodies.setdefault(family, [])
        sure = [r for r in rows if detections.confidence[r] >= self._settings.start_confidence]
        unsure = [r for r in rows if detections.confidence[r] < self._settings.start_confidence]
        taken = self._match(bodies, detections, sure, overlapping=False)
        rest = [b for i, b in enumerate(bodies) if i not in {i for i, _ in taken}]
        self._match(rest, detections, unsure, overlapping=True)
        used = {sure[j] for _, j in taken}
        bodies.extend(self._begin(detections, r) for r in sure if r not in used)

    def _match(
        self, bodies: list[Body], detections: Detections, rows: list[int], *, overlapping: bool
    ) -> list[tuple[int, int]]:
        if not bodies or not rows:
            return []
        now_s, settings = self._now_s, self._settings
        predicted = np.array([b.predict(now_s, settings) for b in bodies], np.float64)
        reaches = np.array([b.reach(now_s, settings) for b in bodies], np.float64)
        boxes = detections.xyxy[rows].astype(np.float64)
        cost = costs(predicted, reaches, boxes, settings.size_ratio)
        if overlapping:
            cost[pairwise_iou(predicted, boxes) < settings.low_iou] = FORBIDDEN
        pairs = assign(cost)
        for i, j in pairs:
            box, label, confidence = self._read(detections, rows[j])
            bodies[i].hit(box, label, confidence, now_s, settings.still_jitter)
        return pairs

    def _begin(self, detections: Detections, row: int) -> Body:
        box, label, confidence = self._read(detections, row)
        now_s = self._now_s
        body = Body(next(self._ids), box, confidence, now_s, now_s, Anchor(box, now_s))
        body.votes[label] += confidence
        return body

    def _read(self, detections: Detections, row: int) -> tuple[Box, str, float]:
        left, top, right, bottom = (float(v) for v in detections.xyxy[row])
        label = self._labels[int(detections.class_id[row])]
        return (left, top, right, bottom), label, float(detections.confidence[row])

    def _forget(self) -> None:
        for family, bodies in list(self._bodies.items()):
            kept = [b for b in bodies if self._now_s - b.last_seen_s <= self._patience_s(b)]
            if kept:
                self._bodies[family] = kept
            else:
                del self._bodies[family]
        excess = sum(map(len, self._bodies.values())) - MAX_TRACKS
        if excess > 0:
            for body in sorted(self._all(), key=lambda b: b.last_seen_s)[:excess]:
                next(b for b in self._bodies.values() if body in b).remove(body)

    def _patience_s(self, body: Body) -> float:
        settings = self._settings
        if body.hits < settings.confirm_hits:
            return settings.tentative_lost_s
        return settings.still_lost_s if body.is_still(settings) else settings.moving_lost_s

    def _all(self) -> Iterable[Body]:
        return itertools.chain.from_iterable(self._bodies.values())
