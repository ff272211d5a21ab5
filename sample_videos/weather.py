"""Light and weather of one day laid over pictures that were taken at another time."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
DAY_S = 86_400.0
HOUR_S = 3600.0
_CLOUDS_PER_HOUR = 20


class DayWeather:
    """The light of a day from midnight to midnight: sun, clouds, a wandering shadow, rain.

    It changes in steps, so that a picture of the same content in the same step is the same picture
    byte for byte and need not be looked at twice; while it rains, every picture is another one.

    Args:
        seed: Decides about clouds, rain and grain.
        size: (width, height) of the pictures.
        step_s: Seconds of one step of light.
    """

    def __init__(self, seed: int, size: tuple[int, int], step_s: float) -> None:
        rng = np.random.default_rng([seed, 8])
        self._seed, self._size, self._step_s = seed, size, step_s
        self._clouds = rng.normal(0, 1, 24 * _CLOUDS_PER_HOUR + 2)
        self._edge = float(rng.uniform(-0.4, 0.4))
        width, height = size
        self._grain = rng.standard_normal((height + 32, width + 32, 1), dtype=np.float32)
        self._rain = [
            (b, b + float(rng.uniform(0.5, 3)) * HOUR_S) for b in rng.uniform(0, DAY_S, 2)
        ]

    def moment(self, t_s: float) -> tuple[int, int]:
        """The step of light, and in the rain the tenth of a second: what tells pictures apart."""
        step = int(t_s / self._step_s)
        return step, round(t_s * 10) if self.is_raining(self._middle_s(step)) else 0

    def _middle_s(self, step: int) -> float:
        return (step + 0.5) * self._step_s

    def is_raining(self, t_s: float) -> bool:
        """True in one of the day's two showers."""
        return any(begin <= t_s < end for begin, end in self._rain)

    def over(self, image: Image, t_s: float) -> Image:
        """The picture, (height, width, 3) BGR, as it looks at a second of the day."""
        step, drops = self.moment(t_s)
        t_s = self._middle_s(step)
        sun = sunlight(t_s)
        shown = image.astype(np.float32) * self._gain(t_s, sun)[..., None]
        # Light is warm near sunrise and sunset, and yellow under lamps.
        warm = 0.10 * math.exp(-((sun - 0.3) ** 2) / 0.05) if sun else 0.18
        shown *= np.array((1 - warm, 1.0, 1 + 0.5 * warm), np.float32)
        width, height = self._size
        rng = np.random.default_rng([self._seed, step, 9])
        dy, dx = (int(v) for v in rng.integers(0, 32, 2))
        noise = np.float32(1.0 + 5.0 * (1 - sun) ** 2)
        shown += self._grain[dy : dy + height, dx : dx + width] * noise
        if self.is_raining(t_s):
            shown = self._rained(shown, np.random.default_rng([self._seed, drops, 10]))
        sway = rng.normal(0, 0.35, 2)
        move = np.array([[1, 0, sway[0]], [0, 1, sway[1]]], np.float32)
        moved = cv2.warpAffine(shown, move, self._size, borderMode=cv2.BORDER_REPLICATE)
        return np.clip(moved, 0, 255).astype(np.uint8)

    def _rained(
        self, shown: npt.NDArray[np.float32], rng: np.random.Generator
    ) -> npt.NDArray[np.float32]:
        wet = np.asarray(shown * 0.82 + 22, np.float32)
        width, height = self._size
        drops = 140
        for x, y in zip(
            rng.integers(0, width, drops), rng.integers(-30, height, drops), strict=True
        ):
            start, end = (int(x), int(y)), (int(x) + 4, int(y) + 26)
            cv2.line(wet, start, end, (190, 190, 190), 1, cv2.LINE_AA)
        return wet

    def _gain(self, t_s: float, sun: float) -> npt.NDArray[np.float32]:
        """Brightness: the camera evens out most of it; clouds, and a shadow that wanders."""
        at = t_s / (HOUR_S / _CLOUDS_PER_HOUR)
        low, share = int(at), at - int(at)
        cloud = (1 - share) * self._clouds[low] + share * self._clouds[low + 1]
        level = (0.34 + 0.66 * sun) * (1 + 0.10 * sun * float(cloud))
        width, height = self._size
        columns = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
        rows = np.linspace(0, 1, height, dtype=np.float32)[:, None]
        edge = self._edge + 1.6 * (t_s / DAY_S - 0.5) * 2 + 0.5 * rows
        shade = 1 / (1 + np.exp(-(columns - edge) * 25))
        return np.asarray(level * (1 - 0.38 * sun * shade), np.float32)


def sunlight(t_s: float) -> float:
    """0 by night .. 1 at noon, sunrise at 6, sunset at 18.30."""
    height = math.sin(math.pi * (t_s / HOUR_S - 6) / 12.5)
    return math.sqrt(max(0.0, height))
