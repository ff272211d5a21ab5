"""Real pictures at run time: backdrops and cut-outs from outside the project (file input)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from sample_videos.drawing.raster import Sprite
from sample_videos.errors import ScenarioError

Image = npt.NDArray[np.uint8]


class Pictures:
    """Cut-outs and backdrops below some root folders; nothing of them is ever stored elsewhere.

    A picture is named "path" or "path#left,top,right,bottom" with a box in pixels; the first root
    that has the path counts.
    """

    def __init__(self, *roots: Path) -> None:
        self._roots = roots
        self._cache: dict[str, tuple[Image, npt.NDArray[np.float32]]] = {}
        self._backdrops: dict[tuple[str, tuple[int, int]], Backdrop] = {}
        self._hashes: dict[Path, str] = {}

    def backdrop(self, name: str, size: tuple[int, int], t_s: float = 0.0) -> Image:
        """A picture, or a clip's picture at a second, cropped and scaled to a size.

        A clip goes on back and forth for as long as it is asked.
        """
        return self.playing(name, size).at(t_s)

    def playing(self, name: str, size: tuple[int, int]) -> Backdrop:
        """A picture or a clip, cropped and scaled to a size."""
        key = (name, size)
        if key not in self._backdrops:
            self._backdrops[key] = Backdrop(self._find(name), size)
        return self._backdrops[key]

    def sha256(self, name: str) -> str:
        """Of the file of a picture, lower-case hex."""
        path = self._find(name.partition("#")[0])
        if path not in self._hashes:
            self._hashes[path] = hashlib.sha256(path.read_bytes()).hexdigest()
        return self._hashes[path]

    def cutout(self, name: str, label: str | None, foot_px: tuple[float, float], height_px: float,
               size: tuple[int, int]) -> Sprite | None:  # fmt: skip
        """A cut-out standing on a pixel, scaled to a height, clipped to the picture."""
        if name not in self._cache:
            self._cache[name] = self._cut(name)
        image, mask = self._cache[name]
        scale = height_px / image.shape[0]
        wide, high = max(2, round(image.shape[1] * scale)), max(2, round(height_px))
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        small = cv2.resize(image, (wide, high), interpolation=how).astype(np.float32)
        whole = np.asarray(cv2.resize(mask, (wide, high), interpolation=how), np.float32)
        left, top = round(foot_px[0] - wide / 2), round(foot_px[1] - high)
        x0, y0 = max(left, 0), max(top, 0)
        x1, y1 = min(left + wide, size[0]), min(top + high, size[1])
        if x1 - x0 < 2 or y1 - y0 < 2:
            return None
        part = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
        alpha = np.ascontiguousarray(whole[part])
        return Sprite(x0, y0, small[part] * alpha[..., None], alpha)

    def _find(self, name: str) -> Path:
        found = next((r / name for r in self._roots if (r / name).is_file()), None)
        if found is None:
            raise ScenarioError(f"picture {name} must be a file below a picture root")
        return found

    def _cut(self, name: str) -> tuple[Image, npt.NDArray[np.float32]]:
        path, _, place = name.partition("#")
        image = _still(self._find(path))
        if image is None:
            raise ScenarioError(f"picture {path} must be a picture, it cannot be read")
        if not place:
            return image, np.ones(image.shape[:2], np.float32)
        left, top, right, bottom = (int(float(v)) for v in place.split(","))
        return cut_out(image, (left, top, right, bottom))


class Backdrop:
    """A still picture, or the pictures of a clip over time, of one size.

    A clip is decoded once, in order. Its pictures are kept as JPEG: a minute of them fits into
    memory.

    Raises:
        ScenarioError: the file is neither.
    """

    def __init__(self, path: Path, size: tuple[int, int]) -> None:
        still = _still(path)
        self._still = None if still is None else _fitted(still, size)
        self._fps, self._clip = (1.0, []) if still is not None else _decoded(path, size)

    def at(self, t_s: float) -> Image:
        """The picture at a second; a clip that is over is shown backwards, and so on."""
        if self._still is not None:
            return self._still
        kept = self._clip[self.number(t_s)]
        return np.asarray(cv2.imdecode(kept, cv2.IMREAD_COLOR), np.uint8)

    def number(self, t_s: float) -> int:
        """Which picture of the clip is shown at a second; 0 of a still one."""
        last = max(len(self._clip) - 1, 0)
        index = int(t_s * self._fps + 1e-6) % max(2 * last, 1)
        return min(index, 2 * last - index)


def _still(path: Path) -> Image | None:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    return None if image is None else np.asarray(image, np.uint8)


def _decoded(path: Path, size: tuple[int, int]) -> tuple[float, list[Image]]:
    """Pictures per second of a clip, and its pictures as JPEG."""
    reader = cv2.VideoCapture(str(path))
    fps, out = float(reader.get(cv2.CAP_PROP_FPS)) or 25.0, []
    ok, image = reader.read()
    while ok:
        out.append(_kept(_fitted(np.asarray(image, np.uint8), size)))
        ok, image = reader.read()
    reader.release()
    if not out:
        raise ScenarioError(f"backdrop {path.name} must be a picture or a clip")
    return fps, out


def _kept(image: Image) -> Image:
    return np.asarray(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 95])[1], np.uint8)


def _fitted(image: Image, size: tuple[int, int]) -> Image:
    """Cropped and scaled to a size."""
    height, width = image.shape[:2]
    scale = max(size[0] / width, size[1] / height)
    wide, high = max(size[0], round(width * scale)), max(size[1], round(height * scale))
    grown = cv2.resize(
        image, (wide, high), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    )
    x, y = (wide - size[0]) // 2, (high - size[1]) // 2
    return np.asarray(grown[y : y + size[1], x : x + size[0]], np.uint8)


def cut_out(image: Image, box: tuple[int, int, int, int]) -> tuple[Image, npt.NDArray[np.float32]]:
    """The thing in a box and its soft mask, by GrabCut; the whole box where that fails.

    A whole box fades out at the sides and below. At the top it does not: heads and helmets reach
    it.
    """
    height, width = image.shape[:2]
    left, top, right, bottom = box
    pad = max(6, round(0.15 * max(right - left, bottom - top)))
    x0, y0 = max(left - pad, 0), max(top - pad, 0)
    x1, y1 = min(right + pad, width), min(bottom + pad, height)
    region = np.ascontiguousarray(image[y0:y1, x0:x1])
    mask = np.zeros(region.shape[:2], np.uint8)
    inner = (left - x0, top - y0, max(right - left, 2), max(bottom - top, 2))
    cv2.setRNGSeed(1)
    cv2.grabCut(region, mask, inner, np.zeros((1, 65)), np.zeros((1, 65)), 4, cv2.GC_INIT_WITH_RECT)
    solid = np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32)
    crop = np.s_[top - y0 : bottom - y0, left - x0 : right - x0]
    # GrabCut sometimes takes the head for background: then the whole box is used.
    high = max(1, (bottom - top) // 7)
    share = min(float(solid[crop].mean()), 2 * float(solid[crop][:high].mean()))
    soft = (
        cv2.GaussianBlur(solid, (0, 0), 1.2)[crop]
        if share > 0.25
        else _feathered(solid[crop].shape)
    )
    return region[crop].copy(), np.ascontiguousarray(soft, np.float32)


def _feathered(shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    mask = np.zeros(shape[:2], np.float32)
    edge = max(1, round(0.06 * min(shape[:2])))
    mask[:-edge, edge:-edge] = 1
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), edge / 1.5), np.float32)


def cutout_name(path: str, box: Mapping[str, float] | tuple[float, float, float, float]) -> str:
    """The name under which `Pictures` finds a box of a picture."""
    values = tuple(box.values()) if isinstance(box, Mapping) else box
    return f"{path}#" + ",".join(str(round(v)) for v in values)
