"""Draws solids into a picture: a small z-buffer per object, shaded and anti-aliased."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from sample_videos.drawing.solids import Capsule, Face, Solid
from sample_videos.optics import PinholeCamera

Image = npt.NDArray[np.uint8]
Float = npt.NDArray[np.float32]

SUPERSAMPLING = 2
_TEXTURE_PX = 256


@dataclass(frozen=True, slots=True, eq=False)
class Light:
    """Where the light comes from and how strong it is.

    Attributes:
        towards_sun: (3,) unit vector.
        sun: Strength of the directed light.
        sky: Strength of the light from above.
        tint: (3,) factor per channel, blue, green, red.
    """

    towards_sun: npt.NDArray[np.float64]
    sun: float
    sky: float
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)


@dataclass(slots=True, eq=False)
class Sprite:
    """A drawn object, ready to be laid over the picture.

    Attributes:
        left: Column of its first pixel in the picture.
        top: Row of its first pixel in the picture.
        colour: (H, W, 3) float32, already multiplied by alpha.
        alpha: (H, W) float32, 0..1.
    """

    left: int
    top: int
    colour: Float
    alpha: Float

    @property
    def xyxy(self) -> tuple[float, float, float, float] | None:
        """Tight box of what is drawn, in pixels of the picture; None when nothing is."""
        rows = np.flatnonzero((self.alpha > 0.35).any(axis=1))
        columns = np.flatnonzero((self.alpha > 0.35).any(axis=0))
        if not len(rows) or not len(columns):
            return None
        return (
            float(self.left + columns[0]),
            float(self.top + rows[0]),
            float(self.left + columns[-1] + 1),
            float(self.top + rows[-1] + 1),
        )


_CLOTH = ((8, 0.5), (24, 0.35), (80, 0.25), (256, 0.12))
_DENTS = ((14, 1.0), (36, 0.5), (90, 0.12))


def noise_texture(layers: Sequence[tuple[int, float]], seed: int = 5) -> Float:
    """(256, 256) float32 noise around 0, a sum of (cells, weight) layers."""
    rng = np.random.default_rng(seed)
    total = np.zeros((_TEXTURE_PX, _TEXTURE_PX), np.float32)
    for cells, weight in layers:
        layer = rng.standard_normal((cells, cells)).astype(np.float32)
        total += weight * cv2.resize(
            layer, (_TEXTURE_PX, _TEXTURE_PX), interpolation=cv2.INTER_CUBIC
        )
    return total


_TEXTURE = noise_texture(_CLOTH)
_BUMPS = noise_texture(_DENTS)
_SLOPE_X = np.asarray(cv2.Sobel(_BUMPS, cv2.CV_32F, 1, 0, ksize=5) / 16, np.float32)
_SLOPE_Y = np.asarray(cv2.Sobel(_BUMPS, cv2.CV_32F, 0, 1, ksize=5) / 16, np.float32)


class _Canvas:
    """Colour and depth of one object at the fine resolution."""

    def __init__(
        self, camera: PinholeCamera, window: tuple[int, int, int, int], light: Light
    ) -> None:
        self.camera, self.light = camera, light
        self.left, self.top, right, bottom = window
        shape = (bottom - self.top, right - self.left)
        self.colour = np.zeros((*shape, 3), np.float32)
        self.depth = np.full(shape, np.inf, np.float32)
        sun = camera.rotation @ light.towards_sun
        self.sun = sun.astype(np.float32)
        self.up = (camera.rotation @ np.array((0.0, 0.0, 1.0))).astype(np.float32)

    def window(self, low: Float, high: Float) -> tuple[slice, slice] | None:
        """Rows and columns of this canvas that a box in fine pixels covers."""
        height, width = self.depth.shape
        x0 = max(int(np.floor(low[0])) - self.left, 0)
        y0 = max(int(np.floor(low[1])) - self.top, 0)
        x1 = min(int(np.ceil(high[0])) + 1 - self.left, width)
        y1 = min(int(np.ceil(high[1])) + 1 - self.top, height)
        if x1 <= x0 or y1 <= y0:
            return None
        return slice(y0, y1), slice(x0, x1)

    def pixels(self, area: tuple[slice, slice]) -> tuple[Float, Float]:
        """Column and row coordinates of an area, as broadcastable float32."""
        columns = np.arange(area[1].start, area[1].stop) + (self.left + 0.5)
        rows = np.arange(area[0].start, area[0].stop) + (self.top + 0.5)
        return columns[None, :].astype(np.float32), rows[:, None].astype(np.float32)

    def texture(self, area: tuple[slice, slice], scale: float, source: Float) -> Float:
        """Texture of an area, fixed to the object (not to the picture)."""
        columns = ((np.arange(area[1].start, area[1].stop) * scale).astype(int)) % _TEXTURE_PX
        rows = ((np.arange(area[0].start, area[0].stop) * scale).astype(int)) % _TEXTURE_PX
        return np.asarray(source[np.ix_(rows, columns)], np.float32)

    def put(
        self, area: tuple[slice, slice], inside: npt.NDArray[np.bool_], depth: Float, colour: Float
    ) -> None:
        """Write the pixels that are inside and nearer than what is there."""
        nearer = inside & (depth < self.depth[area])
        self.depth[area][nearer] = depth[nearer]
        self.colour[area][nearer] = colour[nearer]


def draw_sprite(
    camera: PinholeCamera, solids: Sequence[Solid], light: Light, supersampling: int = SUPERSAMPLING
) -> Sprite | None:
    """Draw an object's solids as one sprite; None when it is out of the picture."""
    fine = camera.scaled(supersampling)
    window = _window_of(fine, solids, supersampling)
    if window is None:
        return None
    canvas = _Canvas(fine, window, light)
    for solid, pixels, depth in projected(fine, solids):
        if isinstance(solid, Capsule):
            _draw_capsule(canvas, solid, pixels, depth)
        else:
            _draw_face(canvas, solid, pixels)
    covered = np.isfinite(canvas.depth).astype(np.float32)
    size = (covered.shape[1] // supersampling, covered.shape[0] // supersampling)
    tinted = canvas.colour * np.asarray(light.tint, np.float32)
    return Sprite(
        window[0] // supersampling,
        window[1] // supersampling,
        _shrunk(tinted, size).reshape(size[1], size[0], 3),
        _shrunk(covered, size).reshape(size[1], size[0]),
    )


def _shrunk(picture: Float, size: tuple[int, int]) -> Float:
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.float32)


def lay_over(image: Image, sprite: Sprite, brightness: float = 1.0) -> None:
    """Blend a sprite into a picture in place."""
    height, width = sprite.alpha.shape
    area = image[sprite.top : sprite.top + height, sprite.left : sprite.left + width]
    below = area.astype(np.float32) * (1 - sprite.alpha[..., None])
    np.clip(below + sprite.colour * brightness, 0, 255, out=below)
    area[:] = below.astype(np.uint8)


def points_of(solid: Solid) -> npt.NDArray[np.float64]:
    """(N, 3) ends of a capsule or corners of a face."""
    if isinstance(solid, Capsule):
        return np.array((solid.start_m, solid.end_m))
    return solid.corners_m


def projected(
    camera: PinholeCamera, solids: Sequence[Solid]
) -> list[tuple[Solid, npt.NDArray[np.float64], npt.NDArray[np.float64]]]:
    """Every solid with the pixels (N, 2) and depths (N,) of its points, in one projection."""
    points = [points_of(solid) for solid in solids]
    pixels, depth = camera.project(np.concatenate(points))
    out, at = [], 0
    for solid, own in zip(solids, points, strict=True):
        out.append((solid, pixels[at : at + len(own)], depth[at : at + len(own)]))
        at += len(own)
    return out


def _bounds(camera: PinholeCamera, solids: Sequence[Solid]) -> tuple[Float, Float] | None:
    points = np.concatenate([points_of(solid) for solid in solids])
    radii: list[float] = []
    for solid in solids:
        if isinstance(solid, Capsule):
            radii += [solid.start_radius_m, solid.end_radius_m]
        else:
            radii += [0.0] * len(solid.corners_m)
    pixels, depth = camera.project(points)
    if (depth < 0.5).any():
        return None
    reach = (np.array(radii) * camera.focal_px / depth)[:, None]
    return (
        (pixels - reach).min(axis=0).astype(np.float32),
        (pixels + reach).max(axis=0).astype(np.float32),
    )


def _window_of(
    camera: PinholeCamera, solids: Sequence[Solid], step: int
) -> tuple[int, int, int, int] | None:
    bounds = _bounds(camera, solids)
    if bounds is None:
        return None
    low, high = np.floor(bounds[0] / step - 1), np.ceil(bounds[1] / step + 1)
    left, top = max(int(low[0]), 0), max(int(low[1]), 0)
    right = min(int(high[0]), camera.size[0] // step)
    bottom = min(int(high[1]), camera.size[1] // step)
    if right - left < 1 or bottom - top < 1:
        return None
    return left * step, top * step, right * step, bottom * step


def _draw_capsule(
    canvas: _Canvas, solid: Capsule, ends: npt.NDArray[np.float64], depth: npt.NDArray[np.float64]
) -> None:
    camera = canvas.camera
    radii_m = np.array((solid.start_radius_m, solid.end_radius_m))
    radii = radii_m * camera.focal_px / depth
    low, high = (ends - radii[:, None]).min(axis=0), (ends + radii[:, None]).max(axis=0)
    area = canvas.window(low.astype(np.float32), high.astype(np.float32))
    if area is None:
        return
    x, y = canvas.pixels(area)
    axis = (ends[1] - ends[0]).astype(np.float32)
    length2 = max(float(axis @ axis), 1e-6)
    along = ((x - ends[0, 0]) * axis[0] + (y - ends[0, 1]) * axis[1]) / np.float32(length2)
    along = np.clip(along, 0, 1).astype(np.float32)
    radius = (radii[0] + along * (radii[1] - radii[0])).astype(np.float32)
    nx = (x - ends[0, 0].astype(np.float32) - along * axis[0]) / radius
    ny = (y - ends[0, 1].astype(np.float32) - along * axis[1]) / radius
    square = nx * nx + ny * ny
    inside = square < 1
    nz = -np.sqrt(np.maximum(1 - square, 0))
    metres = (radii_m[0] + along * (radii_m[1] - radii_m[0])).astype(np.float32)
    distance = (depth[0] + along * (depth[1] - depth[0])).astype(np.float32) + nz * metres
    if solid.cut is not None:
        inside &= _lean(camera, solid.cut[0], nx, ny, nz) > solid.cut[1]
    scale = 40.0 / max(camera.focal_px / float(depth.mean()), 1.0)
    colour = _surface(canvas, solid, area, along, (nx, ny, nz))
    if solid.crumple:
        nx = nx + solid.crumple * canvas.texture(area, scale * 1.6, _SLOPE_X)
        ny = ny + solid.crumple * canvas.texture(area, scale * 1.6, _SLOPE_Y)
        norm = np.sqrt(nx * nx + ny * ny + nz * nz) + 1e-6
        nx, ny, nz = nx / norm, ny / norm, nz / norm
    shade = _shade(canvas, nx, ny, nz)
    lit = colour * shade[..., None]
    if solid.grain:
        lit = lit * (1 + solid.grain * canvas.texture(area, scale, _TEXTURE))[..., None]
    if solid.gloss:
        lit = lit + _highlight(canvas, nx, ny, nz, solid.gloss)[..., None]
    canvas.put(area, inside, distance, lit.astype(np.float32))


def _lean(
    camera: PinholeCamera, axis: npt.NDArray[np.float64], nx: Float, ny: Float, nz: Float
) -> Float:
    a = (camera.rotation @ axis).astype(np.float32)
    return np.asarray(nx * a[0] + ny * a[1] + nz * a[2], np.float32)


def _surface(
    canvas: _Canvas,
    solid: Capsule,
    area: tuple[slice, slice],
    along: Float,
    normal: tuple[Float, Float, Float],
) -> Float:
    shape = (area[0].stop - area[0].start, area[1].stop - area[1].start)
    colour = np.empty((*shape, 3), np.float32)
    colour[:] = solid.colour
    for start, end, band in solid.bands:
        colour[np.broadcast_to((along >= start) & (along < end), shape)] = band
    if solid.patch is not None:
        axis, threshold, other = solid.patch
        colour[_lean(canvas.camera, axis, *normal) > threshold] = other
    return colour


def _shade(canvas: _Canvas, nx: Float, ny: Float, nz: Float) -> Float:
    sun, up, light = canvas.sun, canvas.up, canvas.light
    direct = np.maximum(nx * sun[0] + ny * sun[1] + nz * sun[2], 0)
    above = 0.5 + 0.5 * (nx * up[0] + ny * up[1] + nz * up[2])
    return np.asarray(light.sun * direct + light.sky * (0.35 + 0.65 * above), np.float32)


def _highlight(canvas: _Canvas, nx: Float, ny: Float, nz: Float, gloss: float) -> Float:
    half = canvas.sun + np.array((0, 0, -1), np.float32)
    half /= np.linalg.norm(half) + 1e-6
    mirror = np.maximum(nx * half[0] + ny * half[1] + nz * half[2], 0) ** 18
    sky = np.maximum(nx * canvas.up[0] + ny * canvas.up[1] + nz * canvas.up[2], 0) ** 4
    return np.asarray(
        gloss * (150 * mirror * canvas.light.sun + 45 * sky * canvas.light.sky), np.float32
    )


def _draw_face(canvas: _Canvas, face: Face, pixels: npt.NDArray[np.float64]) -> None:
    camera = canvas.camera
    seen = (face.corners_m - camera.position_m) @ camera.rotation.T
    normal = np.cross(seen[1] - seen[0], seen[2] - seen[0])
    normal /= np.linalg.norm(normal) + 1e-9
    facing = float(normal @ seen[0]) < 0
    if not facing and not face.two_sided:
        return
    if not facing:
        normal = -normal
    area = canvas.window(
        pixels.min(axis=0).astype(np.float32), pixels.max(axis=0).astype(np.float32)
    )
    if area is None:
        return
    shape = (area[0].stop - area[0].start, area[1].stop - area[1].start)
    mask = np.zeros(shape, np.uint8)
    offset = np.array((area[1].start + canvas.left, area[0].start + canvas.top))
    cv2.fillConvexPoly(mask, np.round((pixels - offset) * 16).astype(np.int32), 1, cv2.LINE_8, 4)
    x, y = canvas.pixels(area)
    rays_x = (x - camera.matrix[0, 2]) / camera.focal_px
    rays_y = (y - camera.matrix[1, 2]) / camera.focal_px
    slope = normal[0] * rays_x + normal[1] * rays_y + normal[2]
    slope = np.where(np.abs(slope) < 1e-6, 1e-6, slope)
    depth = (float(normal @ seen[0]) / slope).astype(np.float32)
    nx, ny, nz = (np.full(1, v, np.float32) for v in normal)
    shade = float(_shade(canvas, nx, ny, nz)[0])
    scale = 40.0 / max(camera.focal_px / float(seen[:, 2].mean()), 1.0)
    grain = 1 + face.grain * canvas.texture(area, scale, _TEXTURE)
    colour = np.asarray(face.colour, np.float32) * shade * grain[..., None]
    if face.gloss:
        colour = colour + float(_highlight(canvas, nx, ny, nz, face.gloss)[0])
    canvas.put(area, mask > 0, depth, colour.astype(np.float32))
