"""From pixels to new and still things of unknown class, at glances of any interval.

Works on a small picture. The background is learned where nobody stands; what differs from it,
and keeps looking the same for long enough, is new. Light is told from matter as follows: the
picture is first matched to the background by a plane of light, and what then still differs only
in brightness while its texture stays the same is light or shadow (normalised
cross-correlation, as in Jacques, Jung & Musse 2005). A thing taken away leaves a patch that
differs too; it is told from a thing put down by where the edges are: in the picture for
something new, in the background for something gone (as in Porikli et al. 2008).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.boxes import area, covered, iou
from pipeline.novelty.memory import PixelMemory, pack, unpack
from pipeline.novelty.pixels import (
    Mask,
    Plane,
    bounds,
    clean,
    colour_change,
    correlate,
    interior,
    is_gone,
    largest,
    most_tint,
    near,
)
from pipeline.novelty.settings import NoveltySettings
from pipeline.types import Box, NovelObject

Image = npt.NDArray[np.uint8]

_RIDGE = 1e-6 * np.eye(3)
"""Pixels in one line leave a slope of the light open."""

TEXTURE_APART = 10.0
"""Brightness steps from which another texture is another thing."""


@dataclass(slots=True)
class _Thing:
    object_id: int
    box: Box
    since_s: float
    last_seen_s: float


class NoveltyDetector:
    """Finds what is new and still in the pictures of one fixed view.

    Args:
        settings: Limits.
    """

    def __init__(self, settings: NoveltySettings | None = None) -> None:
        self._settings = settings or NoveltySettings()
        self._ids = itertools.count(1)
        self._memory: PixelMemory | None = None
        self._things: list[_Thing] = []
        self._last_s = 0.0
        self._scale = 1.0
        self._upset_since_s: float | None = None

    def update(
        self, image: Image, timestamp_s: float, busy: Iterable[Box]
    ) -> tuple[NovelObject, ...]:
        """New and still things after this picture; hidden ones keep their last seen time.

        Args:
            image: (H, W, 3) uint8 BGR.
            timestamp_s: Media time.
            busy: Boxes of people and vehicles, pixels: not judged, not learned.
        """
        if not self.is_due(timestamp_s):
            return self.known(timestamp_s)
        small = self._shrink(image)
        free = ~self._busy_mask(small.shape[1:], busy)
        memory = self._memory
        if memory is None or memory.background.shape != small.shape or timestamp_s < self._last_s:
            self._begin(small, free, timestamp_s)
            return ()
        after_s, self._last_s = timestamp_s - self._last_s, timestamp_s
        first = free & ~memory.known
        np.copyto(memory.background, small, where=first)
        memory.known |= first
        shown = self._match_light(small, memory, free)
        changed, matter = self._changed(shown, memory, free)
        if self._is_upset(changed, free, small, timestamp_s):
            return ()
        self._date(shown, changed, free, timestamp_s)
        self._learn(shown, changed, free, after_s)
        self._find(shown, changed, matter, free, timestamp_s)
        return self.known(timestamp_s)

    def is_due(self, timestamp_s: float) -> bool:
        """Whether a picture of this time would be judged; else the things are those `known`."""
        after_s = timestamp_s - self._last_s
        return self._memory is None or not 0.0 <= after_s < self._settings.period_s

    def known(self, timestamp_s: float) -> tuple[NovelObject, ...]:
        """The things; those of the last picture judged are seen now, judged again or not."""
        return tuple(
            NovelObject(
                t.object_id,
                self._to_full(t.box),
                t.since_s,
                timestamp_s if t.last_seen_s >= self._last_s else t.last_seen_s,
            )
            for t in self._things
        )

    def state(self) -> bytes:
        """The background and what is new in it, to be kept over a restart; empty before any.

        Without it a restart makes what stands there part of the background.
        """
        return pack(self._memory, self._last_s) if self._memory is not None else b""

    def restore(self, state: bytes) -> None:
        """Take up the state of an earlier run.

        Raises:
            ValueError: The bytes are no such state.
        """
        if state:
            self._memory, self._last_s = unpack(state)

    def _shrink(self, image: Image) -> Plane:
        """(3, h, w) CIELAB."""
        height, width = image.shape[:2]
        self._scale = self._settings.width_px / width
        size = (self._settings.width_px, max(16, round(height * self._scale)))
        is_small = (width, height) == size
        small = image if is_small else cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        lab = cv2.cvtColor(cv2.GaussianBlur(small, (3, 3), 0), cv2.COLOR_BGR2LAB)
        return np.array(cv2.split(lab), np.float32)

    def _busy_mask(self, shape: tuple[int, int], busy: Iterable[Box]) -> Mask:
        mask = np.zeros(shape, bool)
        for left, top, right, bottom in busy:
            dx = self._settings.busy_margin * (right - left)
            dy = self._settings.busy_margin * (bottom - top)
            x0, y0 = max(0, int((left - dx) * self._scale)), max(0, int((top - dy) * self._scale))
            x1, y1 = int((right + dx) * self._scale) + 1, int((bottom + dy) * self._scale) + 1
            mask[y0 : max(y0, y1), x0 : max(x0, x1)] = True
        return mask

    def _begin(self, small: Plane, free: Mask, timestamp_s: float) -> None:
        self._memory = PixelMemory(
            small.copy(), free.copy(), small.copy(), np.full(free.shape, np.nan)
        )
        self._things, self._last_s, self._upset_since_s = [], timestamp_s, None

    def _match_light(self, small: Plane, memory: PixelMemory, free: Mask) -> Plane:
        """The picture at the background's light: a plane per channel, fitted to the quiet part.

        A plane follows dusk, clouds and exposure but cannot swallow a thing, as local means
        would. The half with the largest residuals is left out of the fit, twice (trimmed least
        squares), so that things do not pull it.
        """
        step = 6
        y, x = np.nonzero((free & memory.known)[::step, ::step])
        if len(y) < 50:
            return small
        height, width = free.shape
        basis = np.stack([np.ones(len(y)), x * step / width, y * step / height])
        apart = small[:, ::step, ::step] - memory.background[:, ::step, ::step]
        values = apart[:, y, x].astype(np.float64)
        lights = _planes_of_light(basis, values)
        for _ in range(2):
            residual = largest(np.abs(values - lights @ basis))
            middle = (len(y) - 1) // 2
            keep = residual <= np.partition(residual, middle)[middle]
            lights = _planes_of_light(basis * keep, values)
        rows = (np.arange(height, dtype=np.float32) / height)[:, None]
        columns = (np.arange(width, dtype=np.float32) / width)[None, :]
        matched = np.empty_like(small)
        for index, (level, across, down) in enumerate(lights.astype(np.float32)):
            np.add(rows * down + level, columns * across, out=matched[index])
        return np.subtract(small, matched, out=matched)

    def _changed(self, shown: Plane, memory: PixelMemory, free: Mask) -> tuple[Mask, Mask]:
        """What differs from the background, and what of it cannot be light alone.

        Colour and texture are compared only around what may survive `clean`: on a quiet street
        that is a small part of the picture.
        """
        settings = self._settings
        changed, matter = np.zeros_like(free), np.zeros_like(free)
        apart = cv2.absdiff(shown[0], memory.background[0])
        tint = most_tint(shown, memory.background)
        least = min(TEXTURE_APART, settings.min_change)
        perhaps = ((apart > least) | (tint > settings.min_colour)) & near(free)
        window = bounds(clean(perhaps))
        if window is None:
            return changed, matter
        now, before = shown[:, *window], memory.background[:, *window]
        colour = colour_change(now, before) > settings.min_colour
        bright = apart[window] > settings.min_change
        textured, correlation = correlate(shown[0], memory.background[0], window)
        only_light = textured & (correlation >= settings.same_texture)
        other_texture = textured & (correlation < 0.4) & (apart[window] > TEXTURE_APART)
        matter[window] = colour | other_texture
        changed[window] = (bright & ~only_light) | matter[window]
        changed = clean(changed) & free
        return changed, changed & matter

    def _is_upset(self, changed: Mask, free: Mask, small: Plane, timestamp_s: float) -> bool:
        """True while so much has changed that it is the light or the camera, not a thing."""
        settings = self._settings
        share = int(np.count_nonzero(changed)) / max(1, int(np.count_nonzero(free)))
        if share < settings.relearn_share:
            self._upset_since_s = None
            return False
        if self._upset_since_s is None:
            self._upset_since_s = timestamp_s
        elif timestamp_s - self._upset_since_s >= settings.still_s:
            self._begin(small, free, timestamp_s)
        return True

    def _date(self, shown: Plane, changed: Mask, free: Mask, timestamp_s: float) -> None:
        """Since when does each changed pixel look as it looks now?"""
        memory = self._memory
        assert memory is not None
        memory.since_s[free & ~changed] = np.nan
        window = bounds(changed)
        if window is None:
            return
        candidate, since_s = memory.candidate[:, *window], memory.since_s[window]
        apart = largest(np.abs(shown[:, *window] - candidate))
        other = apart > 1.5 * self._settings.min_change
        begins = changed[window] & (other | np.isnan(since_s))
        np.copyto(candidate, shown[:, *window], where=begins)
        since_s[begins] = timestamp_s

    def _learn(self, shown: Plane, changed: Mask, free: Mask, after_s: float) -> None:
        memory = self._memory
        assert memory is not None
        quiet = (free & ~changed).astype(np.uint8)
        share = 1.0 - math.exp(-after_s / self._settings.learn_s)
        for now, background in zip(shown, memory.background, strict=True):
            cv2.accumulateWeighted(now, background, share, mask=quiet)
        held = free & (self._last_s - memory.since_s >= self._settings.absorb_s)
        if held.any():
            np.copyto(memory.background, shown, where=held)
            memory.since_s[held] = np.nan

    def _find(
        self, shown: Plane, changed: Mask, matter: Mask, free: Mask, timestamp_s: float
    ) -> None:
        memory = self._memory
        assert memory is not None
        still = changed & (timestamp_s - memory.since_s >= self._settings.still_s)
        if not still.any():
            self._associate((), free, timestamp_s)
            return
        grown = cv2.morphologyEx(still.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
        count, labels, stats, _ = cv2.connectedComponentsWithStats(grown, connectivity=8)
        found: list[tuple[Box, float]] = []
        for index in range(1, count):
            left, top, width, height, pixels = (int(v) for v in stats[index])
            if not self._has_fitting_size(width, height, pixels, free.shape):
                continue
            patch = (labels == index) & still
            is_light = float(matter[interior(patch)].mean()) < self._settings.matter_share
            if is_light or is_gone(shown, memory.background, labels == index):
                np.copyto(memory.background, shown, where=patch)
                memory.since_s[patch] = np.nan
                continue
            since_s = float(np.median(memory.since_s[patch]))
            found.append(((left, top, left + width, top + height), since_s))
        self._associate(found, free, timestamp_s)

    def _has_fitting_size(
        self, width: int, height: int, pixels: int, shape: tuple[int, ...]
    ) -> bool:
        settings = self._settings
        side = settings.min_side * settings.width_px
        fills = pixels >= 0.3 * width * height
        return (
            min(width, height) >= side
            and fills
            and pixels <= settings.max_area * shape[0] * shape[1]
        )

    def _associate(
        self, found: Sequence[tuple[Box, float]], free: Mask, timestamp_s: float
    ) -> None:
        matched: set[int] = set()
        for box, since_s in found:
            thing = max(
                (t for t in self._things if _is_same(t.box, box)),
                key=lambda t: iou(t.box, box),
                default=None,
            )
            if thing is None:
                thing = _Thing(next(self._ids), box, since_s, timestamp_s)
                self._things.append(thing)
            thing.box, thing.last_seen_s = box, timestamp_s
            matched.add(thing.object_id)
        hidden_s = self._settings.hidden_s
        self._things = [
            t
            for t in self._things
            if t.object_id in matched
            or (_is_mostly_busy(t.box, free) and timestamp_s - t.last_seen_s <= hidden_s)
        ]

    def _to_full(self, box: Box) -> Box:
        left, top, right, bottom = (v / self._scale for v in box)
        return left, top, right, bottom


def _planes_of_light(
    basis: npt.NDArray[np.float64], values: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """(3, 3) level and slopes of each channel by least squares, from (3, n) and (3, n)."""
    _, lights = cv2.solve(basis @ basis.T + _RIDGE, basis @ values.T, flags=cv2.DECOMP_CHOLESKY)
    return np.asarray(lights.T, np.float64)


def _is_same(a: Box, b: Box) -> bool:
    small, large = sorted((a, b), key=area)
    return iou(a, b) >= 0.3 or covered(small, large) >= 0.7


def _is_mostly_busy(box: Box, free: Mask) -> bool:
    left, top, right, bottom = (int(v) for v in box)
    return bool(free[top:bottom, left:right].mean() < 0.7)
