"""Cuts training pictures out of annotated ones: crops, mosaics, and the map of what is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from models.labels import LABELS
from models.training.augment import Image, camera_effects, colour, other_hats
from models.training.teacher import Lesson, corners

GREY = 114
"""Padding value, as in the letterbox at inference."""

HEADS = (LABELS.index("helmet"), LABELS.index("bare_head"))

CELL_PX = 8
"""Cell of the map of known classes: the finest stride of the network."""

REFERENCE_PX = 640
"""A scale of 1 brings a picture's longer side to this."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How training pictures are cut.

    Attributes:
        size_px: side of the square training picture, a multiple of 32.
        mosaic: share of pictures that hold four.
        scale: range of the scale of single pictures (1: longer side 640 px), log-uniform.
        mosaic_scale: the same for the four pictures of a mosaic.
        above: pictures from high up are enlarged up to so many times more, as in tiles.
        effects: share of pictures with camera effects; the others get colour jitter only.
        hats: share of pictures in which hats and hair get other colours.
        min_visible: objects with less of their area inside are ignored, not learned.
        min_side_px: likewise for objects that are smaller than this in the training picture.
    """

    size_px: int = 416
    mosaic: float = 0.5
    scale: tuple[float, float] = (0.5, 1.25)
    mosaic_scale: tuple[float, float] = (0.3, 0.9)
    above: float = 1.6
    effects: float = 0.7
    hats: float = 0.25
    min_visible: float = 0.35
    min_side_px: float = 3.0


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """One training picture.

    Attributes:
        image: (S, S, 3) uint8 BGR.
        xyxy: (N, 4) float32 pixels.
        class_id: (N,) int32.
        known: (C, S/8, S/8) uint8, 1 where the class was looked for.
        unasked: (S/8, S/8) uint8, 1 where an elder's word counts nothing: in what was drawn, its
            labels are exact; seen from high up, where silence proves nothing; and at heads with
            another colour of hat, which would mislead it.
    """

    image: Image
    xyxy: npt.NDArray[np.float32]
    class_id: npt.NDArray[np.int32]
    known: npt.NDArray[np.uint8]
    unasked: npt.NDArray[np.uint8]


Source = tuple[Image, Lesson]


def cut(sources: list[Source], recipe: Recipe, rng: np.random.Generator) -> Cut:
    """One training picture from one source, or a mosaic from four."""
    size = recipe.size_px
    image = np.full((size, size, 3), GREY, np.uint8)
    known = np.ones((len(LABELS), size // CELL_PX, size // CELL_PX), np.uint8)
    rooms = _rooms(len(sources), size, rng)
    scale = recipe.scale if len(sources) == 1 else recipe.mosaic_scale
    boxes, classes = [], []
    unasked = np.zeros(known.shape[1:], np.uint8)
    for source, room in zip(sources, rooms, strict=True):
        taught = source[1].picture
        _mark(unasked, room, taught.exact or taught.from_above)
        xyxy, class_id = _place(source, room, scale, recipe, rng, image, known)
        boxes.append(xyxy)
        classes.append(class_id)
    placed, class_id = np.concatenate(boxes), np.concatenate(classes)
    if rng.random() < recipe.hats:
        for left, top, right, bottom in other_hats(image, placed[np.isin(class_id, HEADS)], rng):
            _mark(unasked, (int(left), int(top), int(right) + CELL_PX, int(bottom) + CELL_PX), 1)
    image = camera_effects(image, rng) if rng.random() < recipe.effects else colour(image, rng)
    return Cut(image, placed, class_id, known, unasked)


def _rooms(count: int, size: int, rng: np.random.Generator) -> list[tuple[int, int, int, int]]:
    if count == 1:
        return [(0, 0, size, size)]
    x, y = (int(v) // CELL_PX * CELL_PX for v in rng.uniform(0.3 * size, 0.7 * size, 2))
    return [(0, 0, x, y), (x, 0, size, y), (0, y, x, size), (x, y, size, size)]


def _place(
    source: Source,
    room: tuple[int, int, int, int],
    scale: tuple[float, float],
    recipe: Recipe,
    rng: np.random.Generator,
    image: Image,
    known: npt.NDArray[np.uint8],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]:
    picture, lesson = source
    boxes, unsure = corners(lesson.boxes), corners(lesson.unsure[:, 1:])
    picture, boxes, unsure = _turned(picture, boxes, unsure, lesson.picture.nadir, rng)
    left, top, right, bottom = room
    height, width = picture.shape[:2]
    low, high = scale[0], scale[1] * (recipe.above if lesson.picture.from_above else 1.0)
    factor = np.exp(rng.uniform(np.log(low), np.log(high))) * REFERENCE_PX / max(height, width)
    stretch = np.exp(rng.uniform(-0.1, 0.1))
    w = max(8, round(width * factor * stretch))
    h = max(8, round(height * factor / stretch))
    dx, dy = _offset(boxes * (w, h, w, h), (w, h), (right - left, bottom - top), rng)
    _paste(picture, (w, h), (left + dx, top + dy), room, image)
    shift = np.array([left + dx, top + dy, left + dx, top + dy], np.float32)
    size = np.array([w, h, w, h], np.float32)
    _mark(known, room, lesson.known[:, None, None])
    clipped, share = _clip(boxes * size + shift, room)
    side = (clipped[:, 2:] - clipped[:, :2]).min(1) if len(clipped) else np.zeros(0)
    keep = (share >= recipe.min_visible) & (side >= recipe.min_side_px)
    doubtful, _ = _clip(unsure * size + shift, room)
    _unmark(known, doubtful, lesson.unsure[:, 0].astype(int))
    partly = ~keep & (share > 0)
    _unmark(known, clipped[partly], lesson.class_id[partly])
    return clipped[keep].astype(np.float32), lesson.class_id[keep]


def _turned(
    picture: Image, boxes: Any, unsure: Any, any_way: bool, rng: np.random.Generator
) -> tuple[Image, Any, Any]:
    if rng.random() < 0.5:
        picture = picture[:, ::-1]
        boxes, unsure = (_mirrored(b) for b in (boxes, unsure))
    if any_way and rng.random() < 0.5:
        picture = picture[::-1]
        boxes, unsure = (_upside_down(b) for b in (boxes, unsure))
    if any_way and rng.random() < 0.5:
        picture = picture.transpose(1, 0, 2)
        boxes, unsure = (b[:, (1, 0, 3, 2)] for b in (boxes, unsure))
    return np.ascontiguousarray(picture), boxes, unsure


def _mirrored(boxes: Any) -> Any:
    return np.stack([1 - boxes[:, 2], boxes[:, 1], 1 - boxes[:, 0], boxes[:, 3]], 1)


def _upside_down(boxes: Any) -> Any:
    return np.stack([boxes[:, 0], 1 - boxes[:, 3], boxes[:, 2], 1 - boxes[:, 1]], 1)


def _offset(
    boxes: Any, size: tuple[int, int], room: tuple[int, int], rng: np.random.Generator
) -> tuple[int, int]:
    """Where the scaled picture's corner goes, relative to the room: mostly so that an object is
    inside; never more grey than needed."""
    focus = boxes[rng.integers(len(boxes))] if len(boxes) and rng.random() < 0.75 else None
    result = []
    for axis in (0, 1):
        slack = room[axis] - size[axis]
        low, high = min(0, slack), max(0, slack)
        if focus is not None and slack < 0:
            centre = (focus[axis] + focus[axis + 2]) / 2
            reach = max(room[axis] - (focus[axis + 2] - focus[axis]), 0.3 * room[axis]) / 2
            middle = room[axis] / 2 - centre
            low, high = max(low, middle - reach), min(high, middle + reach)
        result.append(int(rng.uniform(low, high)) if high > low else int(np.clip(low, slack, 0)))
    return result[0], result[1]


def _paste(
    picture: Image, size: tuple[int, int], corner: tuple[int, int], room: Any, image: Image
) -> None:
    shrink = size[0] < picture.shape[1]
    scaled = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if shrink else cv2.INTER_LINEAR)
    left, top = max(corner[0], room[0]), max(corner[1], room[1])
    right, bottom = min(corner[0] + size[0], room[2]), min(corner[1] + size[1], room[3])
    if right > left and bottom > top:
        image[top:bottom, left:right] = scaled[
            top - corner[1] : bottom - corner[1], left - corner[0] : right - corner[0]
        ]


def _clip(xyxy: Any, room: Any) -> tuple[Any, Any]:
    low, high = np.array(room[:2] * 2), np.array(room[2:] * 2)
    clipped = np.clip(xyxy, low, high)
    area = (xyxy[:, 2:] - xyxy[:, :2]).prod(1)
    share = (clipped[:, 2:] - clipped[:, :2]).prod(1) / np.maximum(area, 1e-6)
    return clipped, share


def _mark(cells: Any, room: tuple[int, int, int, int], value: Any) -> None:
    left, top, right, bottom = (v // CELL_PX for v in room)
    cells[..., top:bottom, left:right] = value


def _unmark(known: Any, xyxy: Any, class_id: Any) -> None:
    for (left, top, right, bottom), label in zip(xyxy, class_id, strict=True):
        if right > left and bottom > top:
            rows = slice(int(top // CELL_PX), int(np.ceil(bottom / CELL_PX)))
            known[label, rows, int(left // CELL_PX) : int(np.ceil(right / CELL_PX))] = 0
