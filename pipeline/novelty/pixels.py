"""Pure functions on small pictures: colour, texture and edges, against a background.

Pictures are planes, (3, h, w) CIELAB of 0..255: numpy and cv2 work several times faster on them
than on pixels of three.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


Window = tuple[slice, slice]
"""Rows and columns of a part of a picture."""

TEXTURE_SIDE = 9
"""Side of the windows in which texture is compared, odd."""


def correlate(a: Plane, b: Plane, window: Window) -> tuple[Mask, Plane]:
    """Where both have texture or one has, and how alike it is (-1..1), in 9 x 9 windows.

    Args:
        a: A plane of a picture.
        b: The same plane of another.
        window: The part that is answered for; what lies around it is looked at too.
    """
    side = TEXTURE_SIDE, TEXTURE_SIDE
    around, inner = _grown(window, TEXTURE_SIDE // 2, a.shape)
    a, b = a[around], b[around]
    mean_a, mean_b = cv2.blur(a, side)[inner], cv2.blur(b, side)[inner]
    var_a = np.maximum(cv2.blur(a * a, side)[inner] - mean_a**2, 0)
    var_b = np.maximum(cv2.blur(b * b, side)[inner] - mean_b**2, 0)
    shared = cv2.blur(a * b, side)[inner] - mean_a * mean_b
    # Below a few steps of noise there is no texture to compare.
    textured = np.maximum(var_a, var_b) > 36.0
    return textured, np.asarray(shared / np.sqrt(np.maximum(var_a * var_b, 1e-3)), np.float32)


def most_tint(shown: Plane, background: Plane) -> Plane:
    """Difference in a or b of CIELAB, the larger; `colour_change` is never more."""
    tints = [cv2.absdiff(*pair) for pair in zip(shown[1:], background[1:], strict=True)]
    return np.asarray(np.maximum(*tints), np.float32)


def colour_change(shown: Plane, background: Plane) -> Plane:
    """Difference in a and b of CIELAB, less what a shadow does to a coloured ground.

    Under less light colours shrink towards grey (128) in the proportion of the brightness.
    """
    ratio = np.clip(shown[0] / np.maximum(background[0], 1.0), 0.3, 1.0)
    grey = np.float32(128)
    least = [
        np.minimum(cv2.absdiff(now, before), np.abs(now - grey - ratio * (before - grey)))
        for now, before in zip(shown[1:], background[1:], strict=True)
    ]
    return np.asarray(np.maximum(*least), np.float32)


def interior(patch: Mask) -> Mask:
    """A patch without its rim, where windows straddle the border; the patch if it is all rim."""
    inner = cv2.erode(patch.astype(np.uint8), np.ones((7, 7), np.uint8)).astype(bool)
    return inner if inner.any() else patch


def largest(planes: Plane) -> Plane:
    """Maximum over three planes."""
    return np.asarray(np.maximum(np.maximum(planes[0], planes[1]), planes[2]), np.float32)


def clean(mask: Mask) -> Mask:
    """Without what is thinner than 3 pixels."""
    kernel = np.ones((3, 3), np.uint8)
    opened = cv2.morphologyEx(mask.view(np.uint8), cv2.MORPH_OPEN, kernel)
    return np.asarray(opened.view(bool))


def near(mask: Mask) -> Mask:
    """The mask and what `clean` looks at to judge it."""
    grown = cv2.dilate(mask.view(np.uint8), np.ones((5, 5), np.uint8))
    return np.asarray(grown.view(bool))


def bounds(mask: Mask) -> Window | None:
    """The smallest part of the picture with all of a mask, None of an empty one."""
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    return (slice(top, top + height), slice(left, left + width)) if width else None


def is_gone(shown: Plane, background: Plane, patch: Mask) -> bool:
    """True when the edges around a patch are in the background: something was taken away."""
    ring = patch.astype(np.uint8)
    kernel = np.ones((5, 5), np.uint8)
    border = (cv2.dilate(ring, kernel) - cv2.erode(ring, kernel)).astype(bool)
    now = edges(shown[0])[border].mean()
    before = edges(background[0])[border].mean()
    return bool(before > 1.3 * now)


def _grown(window: Window, by: int, shape: tuple[int, ...]) -> tuple[Window, Window]:
    """A window with what lies around it in the picture, and where it lies in that."""
    parts = [
        slice(max(0, part.start - by), min(size, part.stop + by))
        for part, size in zip(window, shape, strict=True)
    ]
    inner = [
        slice(part.start - outer.start, part.stop - outer.start)
        for part, outer in zip(window, parts, strict=True)
    ]
    return (parts[0], parts[1]), (inner[0], inner[1])


def edges(plane: Plane) -> Plane:
    dx, dy = cv2.Sobel(plane, cv2.CV_32F, 1, 0), cv2.Sobel(plane, cv2.CV_32F, 0, 1)
    return np.asarray(cv2.magnitude(dx, dy), np.float32)
