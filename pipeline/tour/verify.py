"""Whether a picture shows a preset: matched features first, edges where light changed too much.

Features: ORB (Rublee et al. 2011) on a picture whose local contrast was evened out, matched both
ways, held together by a RANSAC homography that must be a small pan, tilt, roll and zoom.
Edges: at night lamps and shadows change every descriptor, but kerbs, walls and roofs keep their
outlines. The orientation of gradients (doubled angle: dark on light equals light on dark) is
correlated in the frequency domain, and what correlates at the best shift is the likeness.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import cv2
import numpy as np
import numpy.typing as npt
from scipy.fft import fft2, ifft2

from pipeline.tour.settings import VerifySettings

ImageArray = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float64]

_WIDTH = 640
_EDGE_SCALE = 2
"""Edges are compared at half the size of the features."""

_FEATURES = 1200
_REPROJECTION_PX = 3.0
_MAX_ZOOM = 1.25
_MAX_ROLL_DEG = 8.0
SURE = 3.0
"""Strength from which nobody asks whether another view fits better."""

_CLEAR_LEAD = 1.25
"""How many times likelier the expected view must be than the best other one."""


class Shown(StrEnum):
    """What a picture shows."""

    RIGHT = "right"
    DRIFTED = "drifted"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """How a picture agrees with a reference.

    Attributes:
        strength: 1 at the limit of acceptance, more is better; comparable between references.
        to_reference: (3, 3) from the picture's pixels to the reference's.
        method: "features" or "edges".
        shift_share: How far the middle moved, as a share of the width.
    """

    strength: float
    to_reference: FloatArray
    method: str
    shift_share: float


@dataclass(frozen=True, slots=True, eq=False)
class Verification:
    """The answer about one arrival.

    Attributes:
        shown: right, drifted (right after registration) or wrong.
        match: Agreement with the expected reference, None if there is none.
        instead: View that the picture shows when it is wrong and another reference fits.
    """

    shown: Shown
    match: Match | None
    instead: str | None = None


class Reference:
    """What a preset should look like, prepared for matching; several pictures, e.g. day and night.

    Args:
        image: (H, W, 3) uint8, BGR.
    """

    def __init__(self, image: ImageArray) -> None:
        self.image = image
        self.size = (image.shape[1], image.shape[0])
        gray = _gray(image)
        self.keypoints, self.descriptors = _features(gray)
        edges = _orientations(gray)
        self.spectrum = fft2(edges)
        self.energy = float((np.abs(edges) ** 2).sum())


def verify(
    image: ImageArray,
    expected: str,
    references: Mapping[str, tuple[Reference, ...]],
    settings: VerifySettings,
) -> Verification:
    """Whether a picture shows the expected view, and which other view it shows if not.

    Args:
        image: (H, W, 3) uint8, BGR, standing still.
        expected: View that the head was sent to.
        references: All references of the head by view; the expected one among them.
        settings: Limits.
    """
    seen = Reference(image)
    own = _best(seen, references[expected], settings)
    if own is not None and own.strength >= SURE and own.shift_share <= settings.drift_share:
        return _right(own, seen)
    matches = {v: _best(seen, known, settings) for v, known in references.items() if v != expected}
    rival = max(
        ((match.strength, view) for view, match in matches.items() if match is not None),
        default=(0.0, None),
    )
    if own is None or own.shift_share > settings.drift_share:
        return Verification(Shown.WRONG, own, rival[1] if rival[0] >= 1 else None)
    if rival[0] > own.strength * _CLEAR_LEAD:
        return Verification(Shown.WRONG, own, rival[1])
    return _right(own, seen)


def _right(own: Match, seen: Reference) -> Verification:
    drifted = _moved_px(own.to_reference, seen.size) > 1.5 / _WIDTH * seen.size[0]
    return Verification(Shown.DRIFTED if drifted else Shown.RIGHT, own)


def verify_arrival(
    image: ImageArray,
    view: str,
    references: Mapping[str, tuple[Reference, ...]],
    settings: VerifySettings,
) -> Verification | None:
    """What a picture shows where a view is expected that may have no reference yet.

    Returns:
        As `verify`; None for a view without reference when the picture looks like no other.
    """
    if view in references:
        return verify(image, view, references, settings)
    for other, known in references.items():
        check = verify(image, other, {other: known}, settings)
        sure = check.match is not None and check.match.strength >= SURE
        if sure and check.shown is not Shown.WRONG:
            return Verification(Shown.WRONG, None, other)
    return None


def recognise(
    image: ImageArray,
    views: Sequence[str],
    references: Mapping[str, tuple[Reference, ...]],
    settings: VerifySettings,
) -> tuple[str, Verification] | None:
    """The one of `views` that a picture most likely shows; None when it shows none of them."""
    found: list[tuple[float, str, Verification]] = []
    for view in views:
        check = verify(image, view, references, settings)
        if check.match is not None and check.shown is not Shown.WRONG:
            found.append((check.match.strength, view, check))
    return max(found, key=lambda f: f[0])[1:] if found else None


def align(image: ImageArray, match: Match) -> ImageArray:
    """The picture as the reference's camera would have taken it; zones then fit as drawn."""
    height, width = image.shape[:2]
    warped = cv2.warpPerspective(
        image, match.to_reference, (width, height), borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(warped, np.uint8)


def match_views(seen: Reference, known: Reference, settings: VerifySettings) -> Match | None:
    """How two pictures agree, None if they show different places.

    Features know roll and zoom, edges only the shift: where both agree, features say the move and
    the more convinced of the two says how sure it is.
    """
    features = _by_features(seen, known, settings)
    edges = _by_edges(seen, known, settings)
    if features is None or edges is None:
        return features or edges
    if abs(features.shift_share - edges.shift_share) < 0.03:
        return replace(features, strength=max(features.strength, edges.strength))
    return max(features, edges, key=lambda match: match.strength)


def _best(seen: Reference, known: tuple[Reference, ...], settings: VerifySettings) -> Match | None:
    found = [m for reference in known if (m := match_views(seen, reference, settings))]
    return max(found, key=lambda m: m.strength, default=None)


def _gray(image: ImageArray) -> ImageArray:
    height = max(1, round(image.shape[0] * _WIDTH / image.shape[1]))
    small = cv2.resize(image, (_WIDTH, height), interpolation=cv2.INTER_AREA)
    gray = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
    return np.asarray(cv2.createCLAHE(3.0, (8, 8)).apply(gray), np.uint8)


def _features(gray: ImageArray) -> tuple[FloatArray, ImageArray]:
    """((N, 2) pixels, (N, 32) uint8 descriptors)."""
    detector = cv2.ORB_create(nfeatures=_FEATURES, fastThreshold=8)  # type: ignore[attr-defined]
    keypoints, descriptors = detector.detectAndCompute(gray, None)
    if descriptors is None:
        return np.zeros((0, 2)), np.zeros((0, 32), np.uint8)
    return np.array([k.pt for k in keypoints], np.float64), np.asarray(descriptors, np.uint8)


def _orientations(gray: ImageArray) -> npt.NDArray[np.complex64]:
    """(h, w) complex gradients with doubled angle, their length made even over the picture."""
    size = (gray.shape[1] // _EDGE_SCALE, gray.shape[0] // _EDGE_SCALE)
    small = cv2.resize(gray, size, interpolation=cv2.INTER_AREA)
    smooth = cv2.GaussianBlur(small, (0, 0), 1.0).astype(np.float32)
    dx = cv2.Sobel(smooth, cv2.CV_32F, 1, 0)
    dy = cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    length = np.hypot(dx, dy)
    local = cv2.blur(length, (21, 21)) + 4.0
    field = (dx + 1j * dy) ** 2 / np.maximum(length, 1e-3) ** 2 * np.minimum(length / local, 2.0)
    return np.asarray(field, np.complex64)


def _by_features(seen: Reference, known: Reference, settings: VerifySettings) -> Match | None:
    if min(len(seen.descriptors), len(known.descriptors)) < settings.min_matches:
        return None
    matcher = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True)
    pairs = [m for m in matcher.match(seen.descriptors, known.descriptors) if m.distance <= 64]
    if len(pairs) < settings.min_matches:
        return None
    source = seen.keypoints[[m.queryIdx for m in pairs]]
    target = known.keypoints[[m.trainIdx for m in pairs]]
    affine, mask = cv2.estimateAffinePartial2D(
        source, target, method=cv2.RANSAC, ransacReprojThreshold=_REPROJECTION_PX
    )
    if affine is None:
        return None  # type: ignore[unreachable]  # the stubs do not know that it fails
    matrix = np.asarray(affine, np.float64)
    if not _is_small_move(matrix):
        return None
    inside = mask.ravel().astype(bool)
    cells = {(int(x // (_WIDTH / 4)), int(y // (_WIDTH / 4))) for x, y in target[inside]}
    agreeing = int(inside.sum())
    if agreeing < settings.min_matches or len(cells) < 3:
        return None
    return _match(matrix, agreeing / settings.min_matches, "features", seen)


def _by_edges(seen: Reference, known: Reference, settings: VerifySettings) -> Match | None:
    if seen.spectrum.shape != known.spectrum.shape:
        return None
    surface = np.real(ifft2(known.spectrum * np.conj(seen.spectrum)))
    row, column = np.unravel_index(int(surface.argmax()), surface.shape)
    height, width = surface.shape
    dy = int(row) - height * (row > height // 2)
    dx = int(column) - width * (column > width // 2)
    overlap = max((1 - abs(dx) / width) * (1 - abs(dy) / height), 0.2)
    norm = max(float(np.sqrt(seen.energy * known.energy)), 1e-6)
    likeness = float(surface[row, column]) / norm / overlap
    if likeness < settings.min_edges:
        return None
    matrix = np.array([[1.0, 0.0, dx * _EDGE_SCALE], [0.0, 1.0, dy * _EDGE_SCALE]])
    return _match(matrix, likeness / settings.min_edges, "edges", seen)


def _is_small_move(matrix: FloatArray) -> bool:
    """Whether an affine move is what drift can do: little zoom and roll."""
    zoom = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    roll = float(np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0])))
    return 1 / _MAX_ZOOM <= zoom <= _MAX_ZOOM and abs(roll) <= _MAX_ROLL_DEG


def _match(matrix: FloatArray, strength: float, method: str, seen: Reference) -> Match:
    """From the small pictures' pixels to those of the full ones."""
    scale = seen.size[0] / _WIDTH
    full = np.vstack([matrix, [0.0, 0.0, 1.0]])
    full[:2, 2] *= scale
    middle = np.array([seen.size[0] / 2, seen.size[1] / 2, 1.0])
    shift = float(np.hypot(*((full @ middle)[:2] - middle[:2]))) / seen.size[0]
    return Match(strength, full, method, shift)


def _moved_px(matrix: FloatArray, size: tuple[int, int]) -> float:
    """The largest move of a corner."""
    width, height = size
    corners = np.array([(0, 0, 1), (width, 0, 1), (0, height, 1), (width, height, 1)], float)
    moved = corners @ matrix.T
    return float(np.linalg.norm(moved[:, :2] / moved[:, 2:] - corners[:, :2], axis=1).max())
