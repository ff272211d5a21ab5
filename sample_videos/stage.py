"""One camera's view of a scenario: draws any second of it, with the box of everything seen."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from sample_videos.drawing import atmosphere, scenery
from sample_videos.drawing.raster import Sprite, draw_sprite, lay_over, points_of, projected
from sample_videos.drawing.solids import Capsule, Solid
from sample_videos.optics import PinholeCamera
from sample_videos.pictures import Pictures
from sample_videos.props import Prop, carried_thing, look_of, prop_of
from sample_videos.scenario import ActorSpec, CameraSpec, Scenario
from sample_videos.timeline import ActorState

Image = npt.NDArray[np.uint8]
_CACHED_SPRITES = 400
_Shape = tuple[npt.NDArray[np.int32], int]
"""Pixels of a shadow; a line of this thickness, or a filled outline where it is 0."""


@dataclass(frozen=True, slots=True)
class SeenBox:
    """One labelled box of one frame, pixels; `visible` is the share not hidden by others."""

    object_id: str
    label: str
    actor: str
    xyxy: tuple[float, float, float, float]
    visible: float


@dataclass(slots=True, eq=False)
class _Drawn:
    prop: Prop
    sprite: Sprite
    state: ActorState


class Cast(Protocol):
    """Who is before the cameras at any second: a `Timeline`, or the `DayCast` of a day."""

    @property
    def scenario(self) -> Scenario: ...

    @property
    def actors(self) -> tuple[ActorSpec, ...]: ...

    def at(self, t_s: float) -> list[ActorState]: ...


class Stage:
    """Renders one camera of one scenario; frames may be asked for in any order."""

    def __init__(
        self,
        cast: Cast,
        camera: CameraSpec,
        pictures: Pictures | None = None,
    ) -> None:
        scenario = cast.scenario
        self._cast = cast
        self.camera = PinholeCamera.looking_at(
            camera.position_m, camera.look_at_m, camera.hfov_deg, camera.size
        )
        self._scenario = scenario
        self._pictures = pictures
        self._light = atmosphere.light_of(scenario.conditions)
        self._looks = {a.id: look_of(a, scenario.seed) for a in cast.actors if a.kind == "person"}
        self._sprites: OrderedDict[object, Sprite | None] = OrderedDict()
        self._shadows: OrderedDict[object, list[_Shape]] = OrderedDict()
        seed = scenario.seed * 1000 + sum(camera.id.encode())
        self._sensor = atmosphere.Sensor(camera.size, scenario.conditions, seed)
        real = scenario.backdrop.kind == "picture"
        self._painted = None if real else self._paint()

    def _empty(self, t_s: float) -> Image:
        """The scene without actors at a second."""
        if self._painted is not None:
            return self._painted
        name = self._scenario.backdrop.picture
        if self._pictures is None or name is None:
            raise ValueError(f"scenario {self._scenario.name} needs real pictures")
        return self._pictures.backdrop(name, self.camera.size, t_s)

    def _paint(self) -> Image:
        scenario = self._scenario
        empty = scenery.paint(scenario.backdrop.kind, self.camera, scenario.seed)
        depth = scenery.PLACES[scenario.backdrop.kind].facade_y_m
        return atmosphere.relight(empty, self.camera, scenario.conditions, depth)

    def frame(self, index: int) -> tuple[Image, list[SeenBox]]:
        """The picture of a frame (H, W, 3) BGR and every box in it."""
        t_s = index / self._scenario.fps
        drawn = self._draw_all(t_s)
        image = self._empty(t_s).copy()
        self._cast_shadows(image, drawn)
        hidden = np.zeros(image.shape[:2], np.int16)
        for number, item in enumerate(drawn, start=1):
            factor = self._brightness(item.prop)
            lay_over(image, item.sprite, factor)
            _claim(hidden, item.sprite, number)
        boxes = [b for n, d in enumerate(drawn, start=1) for b in self._boxes(d, n, hidden)]
        dx, dy = atmosphere.shake_offset(self._scenario.conditions, t_s)
        image = atmosphere.shake(image, self._scenario.conditions, t_s)
        return self._sensor.expose(image, index), [_moved(b, dx, dy) for b in boxes]

    def _brightness(self, prop: Prop) -> float:
        if self._scenario.backdrop.kind == "picture":
            return 1.0
        c = self._scenario.conditions
        dim = {"day": 1.0, "overcast": 0.95, "dusk": 0.8, "night": 1.0}[c.light]
        return dim * atmosphere.brightness_at(c, prop.at_m)

    def _draw_all(self, t_s: float) -> list[_Drawn]:
        states = self._cast.at(t_s)
        carried = {s.actor.id: s for s in states if s.carrier is not None}
        drawn = []
        for state in states:
            if state.carrier is not None:
                continue
            item = self._draw(state, [carried[h] for h in state.holds if h in carried], t_s)
            if item is not None:
                drawn.append(item)
        return sorted(drawn, key=lambda item: -self._distance(item.prop))

    def _distance(self, prop: Prop) -> float:
        return float(np.hypot(*(np.asarray(prop.at_m) - self.camera.position_m[:2])))

    def _draw(self, state: ActorState, load: list[ActorState], t_s: float) -> _Drawn | None:
        if state.actor.kind == "cutout":
            return self._draw_cutout(state)
        prop = prop_of(state, self._looks.get(state.actor.id), self._scenario.seed, t_s)
        for thing in load:
            extra = carried_thing(
                thing.actor, prop.hand_m, self._scenario.seed + len(thing.actor.id)
            )
            prop = replace(
                prop, solids=prop.solids + extra, parts={**prop.parts, "carried_bag": extra}
            )
        if prop.key not in self._sprites:
            self._sprites[prop.key] = draw_sprite(self.camera, prop.solids, self._light)
            if len(self._sprites) > _CACHED_SPRITES:
                self._sprites.popitem(last=False)
        sprite = self._sprites[prop.key]
        return None if sprite is None else _Drawn(prop, sprite, state)

    def _draw_cutout(self, state: ActorState) -> _Drawn | None:
        if self._pictures is None or state.actor.picture is None:
            raise ValueError(f"actor {state.actor.id} needs real pictures")
        height = state.actor.size_m or 1.0
        ends, depth = self.camera.project([(*state.at_m, 0.0), (*state.at_m, height)])
        sprite = self._pictures.cutout(
            state.actor.picture, state.actor.label, (float(ends[0, 0]), float(ends[0, 1])),
            float(height * self.camera.focal_px / depth[0]), self.camera.size,
        )  # fmt: skip
        if sprite is None:
            return None
        prop = Prop([], {}, state.actor.label, state.at_m, None)
        return _Drawn(prop, sprite, state)

    def _cast_shadows(self, image: Image, drawn: list[_Drawn]) -> None:
        strength = atmosphere.SHADOW[self._scenario.conditions.light]
        half = self.camera.scaled(0.5)
        mask = np.zeros((half.size[1], half.size[0]), np.uint8)
        for item in drawn:
            for shape, thick in self._shadow(half, item.prop):
                if thick:
                    cv2.line(mask, shape[0].tolist(), shape[1].tolist(), 255, thick)
                else:
                    cv2.fillConvexPoly(mask, shape, 255)
        if not mask.any():
            return
        soft = cv2.GaussianBlur(mask, (0, 0), 1.6)
        full = cv2.resize(soft, self.camera.size, interpolation=cv2.INTER_LINEAR)
        darken = 1 - strength * full.astype(np.float32) / 255
        image[:] = (image * darken[..., None]).astype(np.uint8)

    def _shadow(self, camera: PinholeCamera, prop: Prop) -> list[_Shape]:
        if not prop.solids:
            return []
        if prop.key not in self._shadows:
            self._shadows[prop.key] = shadow_shapes(camera, prop.solids, self._light.towards_sun)
            if len(self._shadows) > _CACHED_SPRITES:
                self._shadows.popitem(last=False)
        return self._shadows[prop.key]

    def _boxes(self, item: _Drawn, number: int, hidden: npt.NDArray[np.int16]) -> list[SeenBox]:
        whole = item.sprite.xyxy
        if whole is None:
            return []
        visible = _visible_share(hidden, item.sprite, number)
        name = item.state.actor.id
        boxes = []
        if item.prop.label is not None:
            boxes.append(SeenBox(name, item.prop.label, name, whole, visible))
        for label, solids in item.prop.parts.items():
            box = self._part_box(solids, whole)
            if box is None:
                continue
            part = _visible_in(hidden, box, number, item.sprite)
            kind = "head" if label in ("helmet", "bare_head") else label
            boxes.append(SeenBox(f"{name}.{kind}", label, name, box, part))
        return boxes

    def _part_box(
        self, solids: list[Solid], whole: tuple[float, float, float, float]
    ) -> tuple[float, float, float, float] | None:
        points: list[npt.NDArray[np.float64]] = []
        for solid, pixels, depth in projected(self.camera, solids) if solids else []:
            if not isinstance(solid, Capsule):
                points += list(pixels)
            elif solid.cut is None:
                for radius, pixel, far in zip(
                    (solid.start_radius_m, solid.end_radius_m), pixels, depth, strict=True
                ):
                    reach = radius * self.camera.focal_px / far
                    points += [pixel - reach, pixel + reach]
        if not points:
            return None
        cloud = np.array(points)
        left, top = np.maximum(cloud.min(axis=0), whole[:2])
        right, bottom = np.minimum(cloud.max(axis=0), whole[2:])
        if right - left < 2 or bottom - top < 2:
            return None
        return float(left), float(top), float(right), float(bottom)


def _moved(box: SeenBox, dx: float, dy: float) -> SeenBox:
    left, top, right, bottom = box.xyxy
    return replace(box, xyxy=(left + dx, top + dy, right + dx, bottom + dy))


def _claim(owner: npt.NDArray[np.int16], sprite: Sprite, number: int) -> None:
    height, width = sprite.alpha.shape
    area = owner[sprite.top : sprite.top + height, sprite.left : sprite.left + width]
    area[sprite.alpha > 0.5] = number


def _visible_share(owner: npt.NDArray[np.int16], sprite: Sprite, number: int) -> float:
    height, width = sprite.alpha.shape
    area = owner[sprite.top : sprite.top + height, sprite.left : sprite.left + width]
    own = sprite.alpha > 0.5
    return float((area[own] == number).mean()) if own.any() else 0.0


def _visible_in(owner: npt.NDArray[np.int16], box: tuple[float, float, float, float], number: int,
                sprite: Sprite) -> float:  # fmt: skip
    left, top, right, bottom = (round(v) for v in box)
    area = owner[top:bottom, left:right]
    own = sprite.alpha[
        top - sprite.top : bottom - sprite.top, left - sprite.left : right - sprite.left
    ] > 0.5  # fmt: skip
    if not own.any() or own.shape != area.shape:
        return 0.0
    return float((area[own] == number).mean())


def shadow_shapes(
    camera: PinholeCamera, solids: Sequence[Solid], to_sun: npt.NDArray[np.float64]
) -> list[_Shape]:
    """What solids cover on the ground when light comes along a direction."""
    points = [points_of(solid) for solid in solids]
    every = np.concatenate(points)
    ground = every - to_sun * (every[:, 2:3] / to_sun[2])
    ground[:, 2] = 0.0
    pixels, depth = camera.project(ground)
    shapes: list[_Shape] = []
    at = 0
    for solid, own in zip(solids, points, strict=True):
        part = slice(at, at + len(own))
        at += len(own)
        if depth[part].min() < 1.0 or np.abs(pixels[part]).max() > 8000:
            continue
        corners = np.round(pixels[part]).astype(np.int32)
        if isinstance(solid, Capsule):
            radius = max(solid.start_radius_m, solid.end_radius_m)
            reach = 1.4 * radius * camera.focal_px / float(depth[part].mean())
            shapes.append((corners, max(1, round(reach))))
        else:
            shapes.append((np.asarray(cv2.convexHull(corners), np.int32), 0))
    return shapes
