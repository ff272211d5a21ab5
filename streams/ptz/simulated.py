"""A simulated head over a large picture: travel time, overshoot, drift, a preset that goes wrong.

Pure but for its random numbers: the clock is passed in, so that a test of an hour's tour takes
milliseconds. What it sees is `picture(position)` of a `Panorama`.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from streams.ptz.head import HeadPreset, HeadRefused, HeadStatus, Pointing, ViewStep
from streams.types import ImageArray

Clock = Callable[[], float]
Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Mechanics:
    """What a real dome does.

    Attributes:
        speed: Pan and tilt units per second.
        zoom_speed: Zoom units per second.
        overshoot: Share of the way by which it swings past its goal.
        ring_s: For how long it swings back.
        drift: Standard deviation of the position it comes to rest at, in units.
        wrong_share: Share of calls to a preset that end at another one.
        reports_moving: Whether status says if it moves; many domes do not.
    """

    speed: float = 0.5
    zoom_speed: float = 0.5
    overshoot: float = 0.03
    ring_s: float = 0.8
    drift: float = 0.0
    wrong_share: float = 0.0
    reports_moving: bool = True


@dataclass(frozen=True, slots=True)
class _Travel:
    start: Pointing
    goal: Pointing
    begun_s: float
    lasts_s: float


@dataclass(slots=True)
class SimulatedHead:
    """A `PtzHead` that needs no device.

    Attributes:
        stored: Presets in the device.
        clock: Seconds; monotonic.
        mechanics: How it moves.
        optics: How much of the picture it sees; needed to `step`.
        seed: Of drift and errors.
    """

    stored: dict[str, HeadPreset]
    clock: Clock
    mechanics: Mechanics = field(default_factory=Mechanics)
    optics: Panorama | None = None
    seed: int = 0
    moves: list[str] = field(default_factory=list)
    _random: random.Random = field(init=False)
    _travel: _Travel = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        here = Pointing(0.0, 0.0, 0.0)
        self._travel = _Travel(here, here, self.clock(), 0.0)

    @property
    def can_step(self) -> bool:
        """Whether the optics are known."""
        return self.optics is not None

    def presets(self) -> tuple[HeadPreset, ...]:
        """See `PtzHead.presets`."""
        return tuple(self.stored.values())

    def store(self, token: str, name: str) -> None:
        """Make where it points now a preset."""
        self.stored[token] = HeadPreset(token, name, self.position())

    def goto(self, token: str) -> None:
        """See `PtzHead.goto`; HeadRefused for a token that is not stored."""
        if token not in self.stored:
            raise HeadRefused(f"preset must be one of {sorted(self.stored)}, got {token!r}")
        reached = token
        if self._random.random() < self.mechanics.wrong_share and len(self.stored) > 1:
            reached = self._random.choice([t for t in self.stored if t != token])
        goal = self.stored[reached].pointing
        if goal is None:
            raise HeadRefused(f"preset {token!r} has no position")
        self.moves.append(reached)
        self.point(self._drifted(goal))

    def point(self, goal: Pointing) -> None:
        """Start moving to a position."""
        here, m = self.position(), self.mechanics
        goal = Pointing(_clip(goal.pan, -1), _clip(goal.tilt, -1), _clip(goal.zoom, 0))
        turn = max(abs(goal.pan - here.pan), abs(goal.tilt - here.tilt)) / m.speed
        zoom = abs(goal.zoom - here.zoom) / m.zoom_speed
        self._travel = _Travel(here, goal, self.clock(), max(turn, zoom))

    def step(self, step: ViewStep) -> None:
        """See `PtzHead.step`."""
        if self.optics is None:
            raise HeadRefused("head must know its optics to step, got none")
        self.point(self.optics.stepped(self.position(), step))

    def stop(self) -> None:
        """See `PtzHead.stop`."""
        here = self.position()
        self._travel = _Travel(here, here, self.clock(), 0.0)

    def status(self) -> HeadStatus:
        """See `PtzHead.status`."""
        return HeadStatus(
            self.position(), self.is_moving if self.mechanics.reports_moving else None
        )

    def close(self) -> None:
        """Nothing to let go of."""

    @property
    def is_moving(self) -> bool:
        """Whether it travels or still swings."""
        travel = self._travel
        if travel.lasts_s == 0:
            return False
        return self.clock() - travel.begun_s < travel.lasts_s + self.mechanics.ring_s

    def position(self) -> Pointing:
        """Where it really points now."""
        travel, m = self._travel, self.mechanics
        after = self.clock() - travel.begun_s
        if after >= travel.lasts_s + m.ring_s or travel.lasts_s == 0:
            return travel.goal
        if after < travel.lasts_s:
            share = after / travel.lasts_s * (1 + m.overshoot)
        else:
            swing = (after - travel.lasts_s) / m.ring_s
            share = 1 + m.overshoot * math.cos(3 * math.pi * swing) * (1 - swing)
        a, b = travel.start, travel.goal
        zoom = a.zoom + (b.zoom - a.zoom) * min(share, 1.0)
        return Pointing(a.pan + (b.pan - a.pan) * share, a.tilt + (b.tilt - a.tilt) * share, zoom)

    def _drifted(self, goal: Pointing) -> Pointing:
        sigma = self.mechanics.drift
        pan, tilt = (self._random.gauss(0, sigma) for _ in range(2))
        return Pointing(goal.pan + pan, goal.tilt + tilt, goal.zoom)


@dataclass(frozen=True, slots=True, eq=False)
class Panorama:
    """A large picture that a head looks at piece by piece.

    Attributes:
        image: (H, W, 3) uint8, BGR.
        size: (width, height) of the pictures taken.
        widest: Share of the panorama's width seen at zoom 0.
        closest: The same at zoom 1.
    """

    image: ImageArray
    size: tuple[int, int] = (960, 540)
    widest: float = 0.4
    closest: float = 0.08

    def picture(self, pointing: Pointing, turned_deg: float = 0.0) -> ImageArray:
        """(h, w, 3) uint8 as a camera sees it that points there, rolled by an angle."""
        width, height = self.size
        centre, span = self._window(pointing)
        scale = span / width
        c, s = (
            scale * math.cos(math.radians(turned_deg)),
            scale * math.sin(math.radians(turned_deg)),
        )
        middle = np.array([width / 2, height / 2])
        matrix = np.array([[c, -s, 0.0], [s, c, 0.0]])
        matrix[:, 2] = centre - matrix[:, :2] @ middle
        flags = cv2.INTER_AREA if scale > 1 else cv2.INTER_LINEAR
        return np.asarray(
            cv2.warpAffine(
                self.image,
                matrix,
                self.size,
                flags=flags | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_REFLECT,
            ),
            np.uint8,
        )

    def stepped(self, pointing: Pointing, step: ViewStep) -> Pointing:
        """Where a step in the picture leads."""
        centre, span = self._window(pointing)
        aspect = self.size[1] / self.size[0]
        target = centre + np.array([step.right * span, step.down * span * aspect])
        height, width = self.image.shape[:2]
        pan, tilt = 2 * target[0] / width - 1, 1 - 2 * target[1] / height
        share = self._share(pointing.zoom) / max(step.closer, 1e-6)
        zoom = math.log(share / self.widest) / math.log(self.closest / self.widest)
        return Pointing(float(pan), float(tilt), _clip(zoom, 0))

    def _window(self, pointing: Pointing) -> tuple[Array, float]:
        height, width = self.image.shape[:2]
        centre = np.array([(pointing.pan + 1) / 2 * width, (1 - pointing.tilt) / 2 * height])
        return centre, self._share(pointing.zoom) * width

    def _share(self, zoom: float) -> float:
        return self.widest * float((self.closest / self.widest) ** zoom)


def _clip(value: float, low: float) -> float:
    return max(low, min(1.0, value))
