"""Paints what stands still behind the actors: ground, kerb, shop fronts, hoarding and sky."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from sample_videos.optics import PinholeCamera

Float = npt.NDArray[np.float32]

PIXELS_PER_M = 32
GROUND_HALF_M = 34.0
FACADE_HEIGHT_M = 9.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where things are in a kind of scene.

    Attributes:
        facade_y_m: Distance of the wall behind the scene, along y.
        kerb_y_m: Where the roadway (nearer) ends and the pavement begins, None without a road.
        ground: "slabs", "concrete" or "earth".
        wall: "shops" or "hoarding".
    """

    facade_y_m: float
    kerb_y_m: float | None
    ground: str
    wall: str


PLACES = {
    "street": Place(6.5, 0.0, "slabs", "shops"),
    "square": Place(15.0, None, "slabs", "shops"),
    "site": Place(9.0, None, "earth", "hoarding"),
}


def paint(kind: str, camera: PinholeCamera, seed: int) -> npt.NDArray[np.uint8]:
    """The empty scene as one camera sees it by daylight, (H, W, 3) BGR."""
    place = PLACES[kind]
    fine = camera.scaled(2)
    rng = np.random.default_rng([seed, 7])
    picture = _sky(fine)
    ground = _ground(place, rng)
    to_world = np.array(
        [
            [1 / PIXELS_PER_M, 0, -GROUND_HALF_M],
            [0, -1 / PIXELS_PER_M, GROUND_HALF_M],
            [0, 0, 1.0],
        ]
    )
    _warp_onto(picture, ground, fine.ground_homography() @ to_world, _below_horizon(fine))
    wall = _shops(rng) if place.wall == "shops" else _hoarding(rng)
    scale = wall.shape[0] / (FACADE_HEIGHT_M if place.wall == "shops" else 2.4)
    height_m = wall.shape[0] / scale
    plane = fine.on_plane((-GROUND_HALF_M, place.facade_y_m, height_m), (1, 0, 0), (0, 0, -1))
    _warp_onto(picture, wall, plane @ np.diag([1 / scale, 1 / scale, 1.0]), None)
    small = cv2.resize(picture, camera.size, interpolation=cv2.INTER_AREA)
    return np.clip(small, 0, 255).astype(np.uint8)


def _below_horizon(camera: PinholeCamera) -> npt.NDArray[np.bool_]:
    rows = np.arange(camera.size[1], dtype=np.float64)[:, None]
    columns = np.arange(camera.size[0], dtype=np.float64)[None, :]
    inverse = np.linalg.inv(camera.matrix)
    ray_x = inverse[0, 0] * columns + inverse[0, 2]
    ray_y = inverse[1, 1] * rows + inverse[1, 2]
    down = camera.rotation.T[2]
    return np.asarray(down[0] * ray_x + down[1] * ray_y + down[2] < -0.01)


def _warp_onto(
    picture: Float,
    texture: Float,
    matrix: npt.NDArray[np.float64],
    allowed: npt.NDArray[np.bool_] | None,
) -> None:
    size = (picture.shape[1], picture.shape[0])
    warped = cv2.warpPerspective(texture, matrix, size, flags=cv2.INTER_LINEAR)
    cover = cv2.warpPerspective(np.ones(texture.shape[:2], np.uint8), matrix, size) > 0
    # A texture behind the camera projects with a negative scale and must not be drawn.
    inverse = np.linalg.inv(matrix)
    rows = np.arange(size[1], dtype=np.float64)[:, None]
    columns = np.arange(size[0], dtype=np.float64)[None, :]
    w = inverse[2, 0] * columns + inverse[2, 1] * rows + inverse[2, 2]
    cover &= w > 0
    if allowed is not None:
        cover &= allowed
    picture[cover] = warped[cover]


def _sky(camera: PinholeCamera) -> Float:
    ramp = np.linspace(0, 1, camera.size[1], dtype=np.float32)[:, None, None]
    top, low = np.array((222, 200, 178), np.float32), np.array((232, 228, 222), np.float32)
    return np.repeat(top * (1 - ramp) + low * ramp, camera.size[0], axis=1)


def _cloud(shape: tuple[int, int], cells: int, rng: np.random.Generator) -> Float:
    noise = rng.standard_normal((cells, cells)).astype(np.float32)
    grown = cv2.resize(noise, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    return np.asarray(grown, np.float32)


def _ground(place: Place, rng: np.random.Generator) -> Float:
    side = int(2 * GROUND_HALF_M * PIXELS_PER_M)
    base = {"slabs": (148, 156, 160), "earth": (120, 145, 165), "concrete": (150, 152, 150)}
    ground = np.empty((side, side, 3), np.float32)
    ground[:] = base[place.ground]
    if place.ground == "slabs":
        _slabs(ground, rng)
    if place.kerb_y_m is not None:
        row = int((GROUND_HALF_M - place.kerb_y_m) * PIXELS_PER_M)
        _road(ground, row, rng)
    stain = 7 * _cloud((side, side), 40, rng) + 5 * _cloud((side, side), 240, rng)
    strength = 2.2 if place.ground == "earth" else 1.0
    ground += strength * stain[..., None]
    ground += rng.standard_normal((side, side, 1)).astype(np.float32) * 5
    for _ in range(220):
        x, y = rng.integers(0, side, 2)
        r = int(rng.integers(2, 14))
        tone = float(rng.uniform(-26, 8))
        cv2.ellipse(
            ground,
            (int(x), int(y)),
            (r * 2, r),
            float(rng.uniform(0, 180)),
            0,
            360,
            tuple(float(v) for v in ground[y, x] + tone),
            -1,
            cv2.LINE_AA,
        )
    return ground


def _slabs(ground: Float, rng: np.random.Generator) -> None:
    step = int(0.6 * PIXELS_PER_M)
    side = ground.shape[0]
    count = side // step + 1
    tones = rng.normal(0, 6, (count, count, 1)).astype(np.float32)
    tint = rng.normal(0, 1.5, (count, count, 3)).astype(np.float32)
    tiles = cv2.resize(tones + tint, (count * step, count * step), interpolation=cv2.INTER_NEAREST)
    ground += tiles[:side, :side]
    for line in range(0, side, step):
        ground[line : line + 1] -= 26
        ground[:, line : line + 1] -= 26


def _road(ground: Float, row: int, rng: np.random.Generator) -> None:
    road = ground[row:]
    road[:] = (92, 92, 94)
    road += rng.standard_normal((*road.shape[:2], 1)).astype(np.float32) * 9
    kerb = int(0.18 * PIXELS_PER_M)
    ground[row - kerb : row + kerb // 2] = (178, 182, 186)
    ground[row + kerb // 2 : row + kerb + 2] *= 0.55
    step = int(1.0 * PIXELS_PER_M)
    for x in range(0, ground.shape[1], step):
        ground[row - kerb : row + kerb // 2, x : x + 1] -= 50
    lane = row + int(5.5 * PIXELS_PER_M)
    for x in range(0, ground.shape[1], 6 * PIXELS_PER_M):
        ground[lane : lane + 4, x : x + 3 * PIXELS_PER_M] = (215, 220, 222)
    gutter = row + int(0.35 * PIXELS_PER_M)
    for x in range(int(4 * PIXELS_PER_M), ground.shape[1], 12 * PIXELS_PER_M):
        cv2.rectangle(ground, (x, gutter), (x + 18, gutter + 12), (50, 50, 52), -1)


def _shops(rng: np.random.Generator) -> Float:
    height, width = int(FACADE_HEIGHT_M * PIXELS_PER_M), int(2 * GROUND_HALF_M * PIXELS_PER_M)
    wall = np.empty((height, width, 3), np.float32)
    wall[:] = (128, 146, 168)
    x = 0
    while x < width:
        house = int(rng.uniform(6, 11) * PIXELS_PER_M)
        house = house if width - x - house > 5 * PIXELS_PER_M else width - x
        _house(wall[:, x : x + house], rng)
        x += house
    wall += 4 * _cloud((height, width), 60, rng)[..., None]
    wall += rng.standard_normal((height, width, 1)).astype(np.float32) * 3
    return wall


def _house(wall: Float, rng: np.random.Generator) -> None:
    height, width = wall.shape[:2]
    tones = ((120, 140, 165), (150, 160, 168), (110, 120, 140), (165, 172, 178), (95, 110, 150))
    wall[:] = np.array(tones[int(rng.integers(len(tones)))], np.float32) + rng.uniform(-12, 12)
    for row in range(0, height, 6):
        wall[row : row + 1] -= 9
    m = PIXELS_PER_M
    floor = height - int(3.4 * m)
    for top in range(int(0.8 * m), floor - int(1.6 * m), int(2.7 * m)):
        for left in range(int(0.8 * m), width - int(1.4 * m), int(2.1 * m)):
            _window(wall, left, top, int(1.1 * m), int(1.5 * m), rng)
    sign = ((60, 50, 190), (150, 80, 40), (60, 130, 60), (40, 150, 210), (90, 60, 120))
    colour = sign[int(rng.integers(len(sign)))]
    cv2.rectangle(
        wall, (int(0.3 * m), floor), (width - int(0.3 * m), floor + int(0.7 * m)), colour, -1
    )
    for i in range(int(rng.integers(3, 6))):
        left = int(0.9 * m) + i * int(1.0 * m)
        for _ in range(4):
            a = (left + int(rng.integers(0, 18)), floor + 4 + int(rng.integers(0, 14)))
            b = (left + int(rng.integers(0, 18)), floor + 4 + int(rng.integers(0, 14)))
            cv2.line(wall, a, b, (225, 235, 240), 2, cv2.LINE_AA)
    base = floor + int(0.8 * m)
    if rng.random() < 0.3:
        cv2.rectangle(
            wall, (int(0.5 * m), base), (width - int(0.5 * m), height), (140, 142, 145), -1
        )
        for row in range(base, height, 4):
            wall[row : row + 1, int(0.5 * m) : width - int(0.5 * m)] -= 28
        return
    door = int(rng.uniform(0.3, 0.6) * width)
    cv2.rectangle(
        wall, (int(0.4 * m), base), (width - int(0.4 * m), height - int(0.35 * m)), (62, 58, 52), -1
    )
    wall[base : height - int(0.35 * m), int(0.4 * m) : width - int(0.4 * m)] += (
        18 * _cloud((height - int(0.35 * m) - base, width - 2 * int(0.4 * m)), 9, rng)[..., None]
    )
    cv2.rectangle(wall, (door, base), (door + int(1.0 * m), height), (80, 84, 92), -1)
    cv2.rectangle(
        wall, (door + 5, base + 5), (door + int(1.0 * m) - 5, height - 10), (40, 40, 42), -1
    )
    for left in range(int(0.4 * m), width - int(0.4 * m), int(1.7 * m)):
        cv2.line(wall, (left, base), (left, height), (150, 150, 152), 2)


def _window(wall: Float, x: int, y: int, w: int, h: int, rng: np.random.Generator) -> None:
    cv2.rectangle(wall, (x - 2, y - 2), (x + w + 2, y + h + 2), (205, 205, 205), -1)
    tone = rng.uniform(45, 95)
    cv2.rectangle(wall, (x, y), (x + w, y + h), (tone + 12, tone + 4, tone), -1)
    cv2.line(wall, (x + w // 2, y), (x + w // 2, y + h), (200, 200, 200), 2)


def _hoarding(rng: np.random.Generator) -> Float:
    height, width = int(2.4 * PIXELS_PER_M), int(2 * GROUND_HALF_M * PIXELS_PER_M)
    wall = np.empty((height, width, 3), np.float32)
    wall[:] = (150, 120, 60)
    ribs = 14 * np.sin(np.arange(width, dtype=np.float32) * 0.7)
    wall += ribs[None, :, None]
    for x in range(0, width, int(2.0 * PIXELS_PER_M)):
        wall[:, x : x + 3] -= 45
    wall[:4] = (190, 190, 190)
    wall += 6 * _cloud((height, width), 30, rng)[..., None]
    return wall
