"""Light of the hour, rain, mast movement and sensor noise, added to a finished picture."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from sample_videos.drawing.raster import Light
from sample_videos.optics import PinholeCamera
from sample_videos.scenario import Conditions

Image = npt.NDArray[np.uint8]
Float = npt.NDArray[np.float32]

_LIGHTS = {
    "day": Light(np.array((-0.55, -0.15, 0.82)), 0.62, 0.55),
    "overcast": Light(np.array((-0.1, -0.1, 0.99)), 0.22, 0.80, (1.03, 1.0, 0.97)),
    "dusk": Light(np.array((-0.8, -0.1, 0.59)), 0.30, 0.34, (0.95, 0.92, 1.02)),
    "night": Light(np.array((0.0, -0.1, 0.99)), 0.45, 0.55, (0.72, 0.9, 1.06)),
}
_AMBIENT = {"day": 1.0, "overcast": 0.88, "dusk": 0.52, "night": 0.13}
SHADOW = {"day": 0.42, "overcast": 0.16, "dusk": 0.2, "night": 0.15}
LAMPS_M = ((-14.0, 0.4), (-5.0, 0.4), (4.0, 0.4), (13.0, 0.4), (-5.0, 9.0), (5.0, 9.0))
_LAMP_REACH_M = 5.5


def light_of(conditions: Conditions) -> Light:
    """The light by which actors are shaded."""
    return _LIGHTS[conditions.light]


def brightness_at(conditions: Conditions, at_m: tuple[float, float]) -> float:
    """Factor on an actor's colours at a place: 1 by day, under or between lamps at night."""
    if conditions.light != "night":
        return 1.0
    lamps = float(_lamps(np.array([at_m[0]]), np.array([at_m[1]]))[0])
    return min(_AMBIENT["night"] + lamps, 1.1)


def _lamps(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    total = np.zeros(np.broadcast(x, y).shape)
    for lamp_x, lamp_y in LAMPS_M:
        total += 0.85 * np.exp(
            -((x - lamp_x) ** 2 + (y - lamp_y) ** 2) / (2 * _LAMP_REACH_M**2 / 2)
        )
    return np.asarray(total)


def relight(
    image: Image, camera: PinholeCamera, conditions: Conditions, facade_y_m: float
) -> Image:
    """The empty scene in the light of the hour."""
    light = _LIGHTS[conditions.light]
    lit = image.astype(np.float32) * np.asarray(light.tint, np.float32)
    if conditions.light == "night":
        lit *= (_AMBIENT["night"] + _lamp_map(camera, facade_y_m))[..., None]
    else:
        lit *= _AMBIENT[conditions.light]
    if conditions.rain:
        lit *= 1 - 0.22 * conditions.rain
        lit = lit * (1 - 0.12 * conditions.rain) + 16 * conditions.rain
    return np.clip(lit, 0, 255).astype(np.uint8)


def _lamp_map(camera: PinholeCamera, facade_y_m: float) -> Float:
    width, height = camera.size
    inverse = np.linalg.inv(camera.ground_homography())
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    w = inverse[2, 0] * columns + inverse[2, 1] * rows + inverse[2, 2]
    x = (inverse[0, 0] * columns + inverse[0, 1] * rows + inverse[0, 2]) / w
    y = (inverse[1, 0] * columns + inverse[1, 1] * rows + inverse[1, 2]) / w
    seen = (y < facade_y_m) & (y > camera.position_m[1] - 1)
    field = np.where(
        seen, _lamps(x, y), _lamps(x * 0 + np.clip(x, -30, 30), np.full_like(x, facade_y_m)) * 0.6
    )
    return np.asarray(cv2.GaussianBlur(field.astype(np.float32), (0, 0), 5), np.float32)


def shake(image: Image, conditions: Conditions, t_s: float) -> Image:
    """The picture moved by a swaying mast: smooth, a few hertz, by the second."""
    if not conditions.shake_px:
        return image
    dx, dy = shake_offset(conditions, t_s)
    move = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
    size = (image.shape[1], image.shape[0])
    return np.asarray(cv2.warpAffine(image, move, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def shake_offset(conditions: Conditions, t_s: float) -> tuple[float, float]:
    """Movement of the picture in pixels at a second."""
    a = conditions.shake_px
    dx = a * (0.6 * math.sin(2 * math.pi * 0.7 * t_s) + 0.4 * math.sin(2 * math.pi * 1.9 * t_s + 1))
    dy = a * (0.6 * math.sin(2 * math.pi * 0.9 * t_s + 2) + 0.4 * math.sin(2 * math.pi * 2.3 * t_s))
    return dx, dy


class Sensor:
    """Lens softness, rain streaks and noise; the same noise for the same seed and frame."""

    def __init__(self, size: tuple[int, int], conditions: Conditions, seed: int) -> None:
        self._conditions = conditions
        self._seed = seed
        rng = np.random.default_rng([seed, 33])
        shape: Sequence[int] = (size[1] + 16, size[0] + 16, 1)
        strength = conditions.noise * (2.2 if conditions.light == "night" else 1.0)
        grain = rng.standard_normal((4, *shape)).astype(np.float32) * strength
        self._grain = np.round(grain).astype(np.int16)

    def expose(self, image: Image, index: int) -> Image:
        """The picture as the camera delivers it."""
        rng = np.random.default_rng([self._seed, 44, index])
        if self._conditions.rain:
            image = self._rain(image, rng)
        soft = cv2.GaussianBlur(image, (0, 0), 0.6)
        if not self._conditions.noise:
            return np.asarray(soft, np.uint8)
        dy, dx = rng.integers(0, 16, 2)
        grain = self._grain[
            int(rng.integers(4)), dy : dy + image.shape[0], dx : dx + image.shape[1]
        ]
        noisy = np.clip(soft.astype(np.int16) + grain, 0, 255)
        return np.asarray(noisy, np.uint8)

    def _rain(self, image: Image, rng: np.random.Generator) -> Image:
        height, width = image.shape[:2]
        streaks = np.zeros((height, width), np.uint8)
        count = int(width * height / 1500 * self._conditions.rain)
        length = height // 18
        for x, y in zip(
            rng.integers(0, width, count), rng.integers(-length, height, count), strict=True
        ):
            cv2.line(
                streaks,
                (int(x), int(y)),
                (int(x) + length // 6, int(y) + length),
                70,
                1,
                cv2.LINE_AA,
            )
        return np.asarray(cv2.add(image, cv2.cvtColor(streaks, cv2.COLOR_GRAY2BGR)), np.uint8)
