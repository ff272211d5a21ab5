"""What cameras do to pictures: colour, night, rain, blur, compression; and hats of other colours.
Pure but for `other_hats`, on uint8 BGR."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
"""(H, W, 3) uint8, BGR."""

SMALLEST_HAT_PX = 6
"""Sides below which a hat is left as it is."""

ALIKE = 30.0
"""Distance in Lab at which a pixel is half as much of the hat as its middle."""


def camera_effects(image: Image, rng: np.random.Generator) -> Image:
    """A random chain of effects, in the order light, optics, sensor and encoder apply them."""
    image = colour(image, rng)
    if rng.random() < 0.15:
        image = night(image, rng)
    if rng.random() < 0.04:
        image = rain(image, rng)
    if rng.random() < 0.12:
        image = blur(image, rng)
    if rng.random() < 0.10:
        image = low_resolution(image, rng)
    if rng.random() < 0.20:
        image = compress(image, rng)
    return image


def colour(image: Image, rng: np.random.Generator) -> Image:
    """Shift hue by up to 1.5 %, scale saturation by 0.4..1.6 and brightness by 0.6..1.4."""
    hue, saturation, value = rng.uniform(-1, 1, 3) * (0.015, 0.6, 0.4) + (0, 1, 1)
    steps = np.arange(256, dtype=np.float32)
    h, s, v = cv2.split(cv2.cvtColor(image, cv2.COLOR_BGR2HSV))
    h = cv2.LUT(h, ((steps + hue * 180) % 180).astype(np.uint8))
    s = cv2.LUT(s, np.clip(steps * saturation, 0, 255).astype(np.uint8))
    v = cv2.LUT(v, np.clip(steps * value, 0, 255).astype(np.uint8))
    return np.asarray(cv2.cvtColor(cv2.merge((h, s, v)), cv2.COLOR_HSV2BGR), np.uint8)


def night(image: Image, rng: np.random.Generator) -> Image:
    """Darken by a gamma of 1.5..3, tint like street lamps or infrared, add sensor noise."""
    steps = np.arange(256, dtype=np.float32) / 255
    dark = (steps ** rng.uniform(1.5, 3.0) * 255 * rng.uniform(0.6, 1.0)).astype(np.uint8)
    image = np.asarray(cv2.LUT(image, dark), np.uint8)
    if rng.random() < 0.3:
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        image = np.asarray(cv2.merge((grey, grey, grey)), np.uint8)
    noise = rng.normal(0, rng.uniform(2, 10), (*image.shape[:2], 1)).astype(np.float32)
    return np.asarray(np.clip(image.astype(np.float32) + noise, 0, 255), np.uint8)


def rain(image: Image, rng: np.random.Generator) -> Image:
    """Bright slanted streaks over a slightly flattened picture."""
    height, width = image.shape[:2]
    layer = np.zeros((height, width), np.uint8)
    slant = int(rng.integers(-6, 7))
    for _ in range(int(rng.integers(60, 300))):
        x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
        length = int(rng.integers(8, 24))
        cv2.line(layer, (x, y), (x + slant, y + length), int(rng.integers(60, 160)), 1)
    streaks = cv2.GaussianBlur(layer, (3, 3), 0)[..., None].astype(np.float32)
    flat = image.astype(np.float32) * 0.85 + 20
    return np.clip(flat + streaks * 0.6, 0, 255).astype(np.uint8)


def blur(image: Image, rng: np.random.Generator) -> Image:
    """Defocus or motion over 3..7 px."""
    size = int(rng.choice((3, 5, 7)))
    if rng.random() < 0.5:
        return np.asarray(cv2.GaussianBlur(image, (size, size), 0), np.uint8)
    kernel = np.zeros((size, size), np.float32)
    kernel[size // 2] = 1 / size
    turn = cv2.getRotationMatrix2D((size / 2 - 0.5, size / 2 - 0.5), float(rng.uniform(0, 180)), 1)
    turned = np.asarray(cv2.warpAffine(kernel, turn, (size, size)), np.float32)
    turned = np.asarray(turned / max(float(turned.sum()), 1e-3), np.float32)
    return np.asarray(cv2.filter2D(image, -1, turned), np.uint8)


def low_resolution(image: Image, rng: np.random.Generator) -> Image:
    """Shrink by 1.3..2.5 and enlarge again, as a far object in a digital zoom."""
    height, width = image.shape[:2]
    factor = rng.uniform(1.3, 2.5)
    small = cv2.resize(
        image, (int(width / factor), int(height / factor)), interpolation=cv2.INTER_AREA
    )
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def compress(image: Image, rng: np.random.Generator) -> Image:
    """Block artefacts of a poor stream: JPEG of quality 15..60."""
    quality = int(rng.integers(15, 61))
    _, encoded = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, quality))
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)


def other_hats(
    image: Image, xyxy: npt.NDArray[np.float32], rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Give about half of the heads in boxes a hat, or hair, of another colour, in place.

    Sites' helmets are yellow, white and red in most photographs, hair is dark: a network that goes
    by colour takes a navy blue helmet for hair. Heads with and without helmet are treated alike, so
    that neither the colour nor its border gives the answer away.

    Args:
        image: changed.
        xyxy: (N, 4) boxes over hat and head, px.

    Returns:
        (M, 4) those that were changed; too small ones never are.
    """
    changed = []
    for box in xyxy[rng.random(len(xyxy)) < 0.5]:
        left, top, right, bottom = np.rint(box).astype(int)
        hat = image[max(0, top) : top + round((bottom - top) * 0.65), max(0, left) : right]
        if min(hat.shape[:2]) >= SMALLEST_HAT_PX:
            hat[:] = _dyed(hat, rng)
            changed.append(box)
    return np.array(changed, np.float32).reshape(-1, 4)


def _dyed(hat: Image, rng: np.random.Generator) -> Image:
    """What resembles the upper middle in colour gets another hue, saturation and brightness; it
    fades towards the corners, where the background begins."""
    height, width = hat.shape[:2]
    middle = slice(height // 8, height // 2), slice(width * 3 // 10, width * 7 // 10)
    lab = cv2.cvtColor(hat, cv2.COLOR_BGR2Lab).astype(np.float32)
    distance = np.linalg.norm(lab - np.median(lab[middle], (0, 1)), axis=2)
    share = cv2.GaussianBlur(np.exp2(-np.square(distance / ALIKE)), (3, 3), 0)
    y, x = np.linspace(-0.9, 0.9, height)[:, None], np.linspace(-0.9, 0.9, width)
    share = (share * np.clip(3 * (1.1 - y * y - x * x), 0, 1))[..., None]
    hsv = cv2.cvtColor(hat, cv2.COLOR_BGR2HSV).astype(np.float32)
    usual = np.median(hsv[middle], (0, 1))
    target = rng.uniform((0, 20, 40), (180, 230, 235))
    hsv[..., 0] = target[0]
    hsv[..., 1] += target[1] - usual[1]
    hsv[..., 2] *= np.clip(target[2] / max(usual[2], 1), 0.3, 3.0)
    dyed = cv2.cvtColor(np.clip(hsv, 0, 255).astype(np.uint8), cv2.COLOR_HSV2BGR)
    return np.asarray(hat * (1 - share) + dyed * share, np.float32).astype(np.uint8)
