"""A drawn city seen from a roof, by day, by night and in other seasons: one truth, many lights."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

ImageArray = npt.NDArray[np.uint8]
Random = np.random.Generator

SIZE = (3200, 1800)


@dataclass(frozen=True, slots=True)
class Light:
    """How the city is lit and dressed.

    Attributes:
        night: Lamps, lit windows and headlights instead of the sun.
        sun: Direction of the shadows in pixels per pixel of height.
        leaves: BGR colour of the trees.
        traffic: How many people and cars are about.
        noise: Standard deviation of the sensor, grey levels.
        seed: Of what changes with the hour: traffic, lit windows, noise.
    """

    night: bool = False
    sun: tuple[float, float] = (0.5, 0.35)
    leaves: tuple[int, int, int] = (60, 120, 70)
    traffic: int = 250
    noise: float = 3.0
    seed: int = 0


DAY = Light()
NIGHT = Light(night=True, traffic=120, noise=7.0, seed=1)


def city(seed: int, light: Light) -> ImageArray:
    """(1800, 3200, 3) uint8, BGR: the same houses, streets and trees in any light."""
    random, hour = np.random.default_rng(seed), np.random.default_rng(light.seed + 1000)
    width, height = SIZE
    image = np.full((height, width, 3), (120, 125, 128), np.uint8)
    _paving(image, random)
    streets = _streets(image, random)
    _markings(image, streets, random)
    lamps = _lamps(streets, random)
    for block in _blocks(streets, random):
        _house(image, block, (random, hour), light)
    _trees(image, random, light)
    _traffic(image, streets, hour, light)
    lit = _by_night(image, lamps, hour) if light.night else image
    noisy = lit.astype(np.float32) + hour.normal(0, light.noise, lit.shape).astype(np.float32)
    return np.asarray(np.clip(noisy, 0, 255), np.uint8)


def _paving(image: ImageArray, random: Random) -> None:
    """Slabs and stains, which give the ground its grain."""
    grain = random.normal(0, 10, (image.shape[0] // 8, image.shape[1] // 8)).astype(np.float32)
    stains = cv2.resize(grain, (image.shape[1], image.shape[0]), interpolation=cv2.INTER_CUBIC)
    image[:] = np.clip(image + stains[..., None], 0, 255).astype(np.uint8)
    for _ in range(400):
        x, y = random.integers(0, SIZE[0]), random.integers(0, SIZE[1])
        w, h = random.integers(8, 60, 2)
        tone = int(random.integers(85, 165))
        cv2.rectangle(image, (int(x), int(y)), (int(x + w), int(y + h)), (tone, tone, tone), -1)


def _streets(image: ImageArray, random: Random) -> list[tuple[bool, int, int]]:
    """(upright, middle, width) of each street, drawn with its kerbs."""
    streets = []
    for upright, end in ((True, SIZE[0]), (False, SIZE[1])):
        at = int(random.integers(120, 260))
        while at < end - 80:
            width = int(random.integers(50, 110))
            streets.append((upright, at, width))
            at += int(random.integers(330, 560))
    for upright, at, width in streets:
        for half, tone in ((width // 2 + 14, 165), (width // 2 + 3, 60), (width // 2, 82)):
            low, high = at - half, at + half
            a, b = ((low, 0), (high, SIZE[1])) if upright else ((0, low), (SIZE[0], high))
            cv2.rectangle(image, a, b, (tone, tone, tone), -1)
    return streets


def _markings(image: ImageArray, streets: list[tuple[bool, int, int]], random: Random) -> None:
    for upright, at, _ in streets:
        end = SIZE[1] if upright else SIZE[0]
        for begin in range(int(random.integers(0, 40)), end, 46):
            a, b = ((at, begin), (at, begin + 22)) if upright else ((begin, at), (begin + 22, at))
            cv2.line(image, a, b, (225, 225, 225), 3)
    for upright, at, width in streets:
        for upright_2, at_2, width_2 in streets:
            if upright and not upright_2:
                _zebra(image, (at, at_2), (width, width_2))


def _zebra(image: ImageArray, middle: tuple[int, int], widths: tuple[int, int]) -> None:
    (x, y), (w, h) = middle, widths
    for step in range(-w // 2, w // 2, 12):
        for row in (y - h // 2 - 24, y + h // 2 + 4):
            cv2.rectangle(image, (x + step, row), (x + step + 6, row + 20), (220, 220, 220), -1)


def _blocks(
    streets: list[tuple[bool, int, int]], random: Random
) -> list[tuple[int, int, int, int]]:
    """Rectangles between the streets, cut into plots, back to front."""
    xs = [(at, w) for upright, at, w in streets if upright]
    ys = [(at, w) for upright, at, w in streets if not upright]
    plots = []
    for (x, w), (x2, w2) in pairwise(xs):
        for (y, h), (y2, h2) in pairwise(ys):
            left, right = x + w // 2 + 22, x2 - w2 // 2 - 22
            top, bottom = y + h // 2 + 22, y2 - h2 // 2 - 22
            cut = int(random.integers(left + 70, max(left + 71, right - 70)))
            plots += [(left, top, cut - 10, bottom), (cut + 10, top, right, bottom)]
    return sorted((p for p in plots if random.random() < 0.85), key=lambda p: p[3])


def _house(
    image: ImageArray,
    plot: tuple[int, int, int, int],
    randoms: tuple[Random, Random],
    light: Light,
) -> None:
    random, hour = randoms
    x1, y1, x2, y2 = plot
    inset = int(random.integers(6, 26))
    x1, x2, y2 = x1 + inset, x2 - inset, y2 - inset
    tall = int(random.integers(50, 130))
    wall = tuple(int(v) for v in random.integers(95, 200, 3))
    roof = tuple(int(v) for v in random.integers(60, 170, 3))
    if x2 - x1 < 40 or y2 - y1 < tall + 40:
        return
    if not light.night:
        _shadow(image, (x1, y1, x2, y2), tall, light.sun)
    cv2.rectangle(image, (x1, y1), (x2, y2 - tall), roof, -1)
    cv2.rectangle(image, (x1, y1), (x2, y2 - tall), (45, 45, 50), 3)
    for _ in range(int(random.integers(2, 7))):
        bx, by = (
            random.integers(x1 + 6, x2 - 26),
            random.integers(y1 + 4, max(y1 + 5, y2 - tall - 20)),
        )
        tone = int(random.integers(40, 220))
        w, h = (int(v) for v in random.integers(8, 24, 2))
        cv2.rectangle(image, (int(bx), int(by)), (int(bx) + w, int(by) + h), (tone,) * 3, -1)
    cv2.rectangle(image, (x1, y2 - tall), (x2, y2), wall, -1)
    cv2.rectangle(image, (x1, y2 - tall), (x2, y2), (50, 50, 55), 2)
    _windows(image, (x1, y2 - tall, x2, y2), (random, hour), light)


def _windows(
    image: ImageArray,
    wall: tuple[int, int, int, int],
    randoms: tuple[Random, Random],
    light: Light,
) -> None:
    random, hour = randoms
    x1, y1, x2, y2 = wall
    step_x, step_y = int(random.integers(16, 30)), int(random.integers(18, 28))
    for y in range(y1 + 6, y2 - 12, step_y):
        for x in range(x1 + 6, x2 - 12, step_x):
            glow = light.night and hour.random() < 0.35
            tone = (120, 225, 250) if glow else (75, 62, 55)
            cv2.rectangle(image, (x, y), (x + step_x // 2, y + step_y // 2), tone, -1)


def _shadow(
    image: ImageArray, plot: tuple[int, int, int, int], tall: int, sun: tuple[float, float]
) -> None:
    x1, _, x2, y2 = plot
    dx, dy = int(sun[0] * tall), int(sun[1] * tall)
    corners = np.array([(x1, y2), (x2, y2), (x2 + dx, y2 + dy), (x1 + dx, y2 + dy)])
    side = np.array([(x2, y2 - tall), (x2, y2), (x2 + dx, y2 + dy), (x2 + dx, y2 - tall + dy)])
    mask = np.zeros(image.shape[:2], np.uint8)
    cv2.fillPoly(mask, [corners, side], 255)
    image[mask > 0] = (image[mask > 0] * 0.55).astype(np.uint8)


def _trees(image: ImageArray, random: Random, light: Light) -> None:
    for _ in range(260):
        x, y = int(random.integers(0, SIZE[0])), int(random.integers(0, SIZE[1]))
        radius = int(random.integers(8, 22))
        for _ in range(9):
            dx, dy = (int(v) for v in random.normal(0, radius / 2.5, 2))
            shade = float(random.uniform(0.6, 1.3))
            colour = tuple(int(min(255, c * shade)) for c in light.leaves)
            cv2.circle(image, (x + dx, y + dy), radius // 2, colour, -1)


def _lamps(streets: list[tuple[bool, int, int]], random: Random) -> list[tuple[int, int]]:
    return [
        (at + width // 2 + 10, along) if upright else (along, at + width // 2 + 10)
        for upright, at, width in streets
        for along in range(int(random.integers(0, 90)), SIZE[1] if upright else SIZE[0], 150)
    ]


def _traffic(
    image: ImageArray, streets: list[tuple[bool, int, int]], hour: Random, light: Light
) -> None:
    for _ in range(light.traffic):
        upright, at, width = streets[int(hour.integers(len(streets)))]
        along = int(hour.integers(0, SIZE[1] if upright else SIZE[0]))
        side = int(hour.choice((-1, 1))) * width // 4
        x, y = (at + side, along) if upright else (along, at + side)
        half = (9, 20) if upright else (20, 9)
        colour = tuple(int(v) for v in hour.integers(30, 240, 3))
        cv2.rectangle(image, (x - half[0], y - half[1]), (x + half[0], y + half[1]), colour, -1)
        for _ in range(2):
            px, py = int(hour.integers(0, SIZE[0])), int(hour.integers(0, SIZE[1]))
            tone = tuple(int(v) for v in hour.integers(20, 230, 3))
            cv2.ellipse(image, (px, py), (3, 7), 0, 0, 360, tone, -1)


def _by_night(image: ImageArray, lamps: list[tuple[int, int]], hour: Random) -> ImageArray:
    """Little sky light, pools of warm lamp light, windows that shine of themselves."""
    pools = np.zeros(image.shape[:2], np.float32)
    for x, y in lamps:
        if hour.random() < 0.9:
            cv2.circle(pools, (x, y), 70, 1.0, -1)
    small = cv2.GaussianBlur(cv2.resize(pools, None, fx=0.25, fy=0.25), (0, 0), 12)
    glow = np.asarray(cv2.resize(small, (image.shape[1], image.shape[0])), np.float32)
    shining = (image[..., 2] > 240) & (image[..., 1] > 215) & (image[..., 0] < 140)
    light = np.array([0.20, 0.15, 0.13], np.float32) + glow[..., None] * (0.35, 0.5, 0.6)
    dark = image.astype(np.float32) * light
    dark[shining] = image[shining]
    for x, y in lamps:
        cv2.circle(dark, (x, y), 4, (210.0, 240.0, 255.0), -1)
    return np.asarray(np.clip(dark, 0, 255), np.uint8)
