"""Detects in crops and tiles of full-resolution pictures and merges what neighbours both saw."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from models.detections import Detections, FloatArray
from models.detector import Detector, ImageArray
from models.nms import areas, intersections, iou_matrix
from models.region_plan import Enlargement, PixelBox

EDGE_PX = 3.0
"""A box that comes this close to a region's inner edge was probably cut there."""

SAME_IOU = 0.5
"""Two whole boxes of one class from different regions are one object above this overlap."""

SAME_SHARE = 0.6
"""A whole box and a cut one are one object when they share this much of the smaller one."""

SAME_SPAN = 0.6
"""Two boxes cut by facing edges are parts of one object when their extents along the edge agree."""

MAX_MERGED = 1500
"""Boxes of one picture that are compared pairwise, the most confident ones."""

LEFT, TOP, RIGHT, BOTTOM = range(4)
BoolArray = npt.NDArray[np.bool_]


def detect_regions(
    detector: Detector, pictures: Sequence[tuple[ImageArray, Sequence[PixelBox]]]
) -> list[Detections]:
    """Detect in regions of several pictures with one call to the detector.

    Regions are views of the picture: nothing is copied before the detector scales them.

    Args:
        detector: any backend.
        pictures: each a (H, W, 3) uint8 BGR picture and the regions to look at, pixels.

    Returns:
        One `Detections` a picture, in its own pixels, without doubles from overlapping regions.
    """
    crops = [
        image[top:bottom, left:right]
        for image, regions in pictures
        for left, top, right, bottom in regions
    ]
    found = iter(detector.detect(crops))
    return [
        merge_regions([next(found) for _ in regions], regions, (image.shape[1], image.shape[0]))
        for image, regions in pictures
    ]


def merge_regions(
    found: Sequence[Detections], regions: Sequence[PixelBox], frame_size: tuple[int, int]
) -> Detections:
    """Boxes of each region, in its own pixels, as one set in pixels of the full frame.

    Inside one region nothing is merged: the detector did that. Of two boxes of one object from
    different regions the whole one stays and the one that its region's edge cut goes; parts of an
    object larger than the overlap, cut by facing edges, become their union.

    Args:
        found: one `Detections` a region.
        regions: pixels of the full frame.
        frame_size: (width, height) of the full frame.
    """
    pairs = [(_moved(p, region), region) for p, region in zip(found, regions, strict=True)]
    moved = [part for part, _ in pairs]
    if len(moved) == 1:
        return moved[0]
    every = Detections.concat(moved)
    if not len(every):
        return every
    source = np.repeat(np.arange(len(moved)), [len(part) for part in moved])
    cut = np.concatenate([_cut_sides(part.xyxy, region, frame_size) for part, region in pairs])
    if len(every) > MAX_MERGED:
        best = np.argsort(-every.confidence, kind="stable")[:MAX_MERGED]
        every, source, cut = every.where(best), source[best], cut[best]
    rivals = every.class_id[:, None] == every.class_id[None, :]
    rivals &= source[:, None] != source[None, :]
    same, parts = rivals & _same(every.xyxy, cut), rivals & _parts(every.xyxy, cut)
    is_cut: BoolArray = np.any(cut, axis=1)
    return _keep(every, is_cut, same, parts)


def detected_twice(
    found: Detections,
    answers: Sequence[tuple[Enlargement, Detections]],
    frame_size: tuple[int, int],
    doubted_below: FloatArray,
) -> Detections:
    """Boxes of a picture after doubtful places were detected once more, enlarged.

    What was found both times is as sure as the mean of both, what was found only once is half as
    sure (as boxes of several networks are fused by Solovyev et al., arXiv:1910.13302): what is
    there is there at both scales. Sure boxes, boxes beside the places and those that do not lie
    wholly in a region stay as they are; each box is asked for in one region.

    Args:
        found: pixels of the full frame.
        answers: regions and what was found in them, pixels of the full frame.
        frame_size: (width, height) of the full frame.
        doubted_below: (C,) confidence from which boxes are sure; 0: the class is never asked for.
    """
    settled = Detections()
    for enlargement, closer in answers:
        is_asked: BoolArray = _inside(found, enlargement, frame_size, 2 * EDGE_PX)
        is_asked &= found.confidence < doubted_below[found.class_id]
        asked, found = found.where(is_asked), found.where(~is_asked)
        is_answer: BoolArray = _inside(closer, enlargement, frame_size, EDGE_PX)
        is_answer &= doubted_below[closer.class_id] > 0
        known = _same_class_iou(closer, Detections.concat([found, settled]))
        is_known: BoolArray = np.any(known > SAME_IOU, axis=1)
        settled = Detections.concat([settled, _agreed(asked, closer.where(is_answer & ~is_known))])
    return Detections.concat([found, settled])


def _agreed(asked: Detections, closer: Detections) -> Detections:
    """The mean of what was found twice, half of what was found once."""
    overlap = _same_class_iou(closer, asked)
    sure = closer.confidence / np.float32(2)
    for row in np.argsort(-closer.confidence, kind="stable") if len(asked) else ():
        twin = overlap[row].argmax()
        if overlap[row, twin] > SAME_IOU:
            sure[row] += asked.confidence[twin] / 2
            overlap[:, twin] = -1
    has_twin: BoolArray = np.any(overlap < 0, axis=0)
    alone = asked.where(~has_twin)
    half = Detections(alone.xyxy, alone.confidence / np.float32(2), alone.class_id)
    return Detections.concat([half, Detections(closer.xyxy, sure, closer.class_id)])


def _inside(
    boxes: Detections, enlargement: Enlargement, frame_size: tuple[int, int], margin: float
) -> BoolArray:
    """(N,) which boxes touch a place and keep so many pixels from the region's inner edges."""
    region = np.array(enlargement.region, np.float32)
    inner = np.array([margin, margin, -margin, -margin], np.float32)
    inner[~_inner_sides(enlargement.region, frame_size)] = 0
    low, high = (region + inner)[:2], (region + inner)[2:]
    is_whole = (boxes.xyxy[:, :2] >= low).all(1) & (boxes.xyxy[:, 2:] <= high).all(1)
    touched = intersections(boxes.xyxy, np.array(enlargement.places, np.float32)) > 0
    inside: BoolArray = is_whole & np.any(touched, axis=1)
    return inside


def _same_class_iou(one: Detections, other: Detections) -> FloatArray:
    """(N, M) overlap of boxes of one class, 0 for others."""
    overlap = iou_matrix(one.xyxy, other.xyxy)
    overlap[one.class_id[:, None] != other.class_id[None, :]] = 0
    return overlap


def _moved(part: Detections, region: PixelBox) -> Detections:
    offset = np.array([region[0], region[1]] * 2, np.float32)
    return Detections(part.xyxy + offset, part.confidence, part.class_id)


def _cut_sides(xyxy: FloatArray, region: PixelBox, frame_size: tuple[int, int]) -> BoolArray:
    """(N, 4) which sides touch an edge of the region that is not the frame's own edge."""
    near: BoolArray = np.abs(xyxy - np.array(region, np.float32)) < EDGE_PX
    sides: BoolArray = near & _inner_sides(region, frame_size)
    return sides


def _inner_sides(region: PixelBox, frame_size: tuple[int, int]) -> BoolArray:
    """(4,) which sides of a region are not the frame's own."""
    return np.array(
        [region[0] > 0, region[1] > 0, region[2] < frame_size[0], region[3] < frame_size[1]]
    )


def _same(xyxy: FloatArray, cut: BoolArray) -> BoolArray:
    """(N, N) which boxes show one object twice."""
    area, shared = areas(xyxy), intersections(xyxy, xyxy)
    union = area[:, None] + area[None, :] - shared
    smaller = np.minimum(area[:, None], area[None, :])
    is_cut: BoolArray = np.any(cut, axis=1)
    one_cut = np.not_equal.outer(is_cut, is_cut)
    same: BoolArray = (shared > SAME_IOU * union) | (one_cut & (shared > SAME_SHARE * smaller))
    return same


def _parts(xyxy: FloatArray, cut: BoolArray) -> BoolArray:
    """(N, N) which boxes are parts of one object, cut by facing edges of two regions."""
    touching = intersections(xyxy, xyxy) > 0
    beside = cut[:, None, RIGHT] & cut[None, :, LEFT] & (_span_iou(xyxy, TOP) > SAME_SPAN)
    above = cut[:, None, BOTTOM] & cut[None, :, TOP] & (_span_iou(xyxy, LEFT) > SAME_SPAN)
    parts: BoolArray = touching & (beside | beside.T | above | above.T)
    return parts


def _span_iou(xyxy: FloatArray, low: int) -> FloatArray:
    """(N, N) overlap of the boxes' extents along one axis, 0..1."""
    start, end = xyxy[:, low], xyxy[:, low + 2]
    shared = np.minimum(end[:, None], end[None, :]) - np.maximum(start[:, None], start[None, :])
    both = np.maximum(end[:, None], end[None, :]) - np.minimum(start[:, None], start[None, :])
    iou: FloatArray = shared / np.maximum(both, np.float32(1e-9))
    return iou


def _keep(every: Detections, cut: BoolArray, same: BoolArray, parts: BoolArray) -> Detections:
    """Greedy: whole boxes first, then by confidence; parts of one object become its hull. An
    object is as sure as the surest of what was seen of it, be that a box that is not kept."""
    groups: list[list[int]] = []
    sure = every.confidence.copy()
    for row in np.lexsort((-every.confidence, cut)):
        joined = [group for group in groups if parts[row, group].any()]
        if joined:
            joined[0].append(int(row))
            for other in joined[1:]:
                joined[0].extend(other)
                groups.remove(other)
        elif twins := [group for group in groups if same[row, group].any()]:
            sure[twins[0][0]] = max(sure[twins[0][0]], sure[row])
        else:
            groups.append([int(row)])
    if not groups:
        return Detections()
    groups.sort(key=lambda group: -float(sure[group].max()))
    first = np.array([group[0] for group in groups], np.intp)
    confidence = np.array([sure[group].max() for group in groups], np.float32)
    hulls = [
        np.concatenate([every.xyxy[group, :2].min(axis=0), every.xyxy[group, 2:].max(axis=0)])
        for group in groups
    ]
    return Detections(np.stack(hulls), confidence, every.class_id[first])
