"""A decoded picture, still in YUV: resized, cropped or thumbnailed without a full conversion."""

from datetime import datetime

import cv2
import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame

from streams.types import Frame, ImageArray, Roi

_BT709, _FULL_RANGE = 1, 2  # of libav: AVCOL_SPC_BT709, AVCOL_RANGE_JPEG

_PLANAR_420 = frozenset({"yuv420p", "yuvj420p"})
_LUMA_FIRST = _PLANAR_420 | {"yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12", "nv21", "gray"}


class Picture:
    """One decoded picture of a camera; the same times as `Frame`."""

    __slots__ = ("_half", "_yuv", "camera_id", "captured_at", "epoch", "timestamp_s")

    def __init__(
        self,
        yuv: VideoFrame,
        camera_id: str,
        timestamp_s: float,
        captured_at: datetime,
        epoch: int,
    ) -> None:
        self._yuv = yuv
        self._half: ImageArray | None = None
        self.camera_id = camera_id
        self.timestamp_s = timestamp_s
        self.captured_at = captured_at
        self.epoch = epoch

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels, of the full picture."""
        return self._yuv.width, self._yuv.height

    @property
    def is_corrupt(self) -> bool:
        """The decoder had to invent parts of the picture."""
        return bool(self._yuv.is_corrupt)

    def frame(
        self,
        size: tuple[int, int] | None = None,
        roi: Roi | None = None,
    ) -> Frame:
        """Convert to BGR: all of it, or the pixels of `roi` only, scaled to `size`.

        Args:
            size: (width, height) of the result; default unscaled.
            roi: (x1, y1, x2, y2) in pixels of the full picture; clipped to it.
        """
        yuv, width, height = self._yuv, *self.size
        if roi is not None:
            x1, y1, x2, y2 = _clip(roi, width, height)
            yuv, (dx, dy) = self._crop(x1, y1, x2, y2)
            width, height = x2 - x1, y2 - y1
            if (dx, dy) != (0, 0) or (yuv.width, yuv.height) != (width, height):
                # Chroma covers 2 x 2 pixels: the crop in YUV was wider, so cut what is too much.
                image = _pixels(yuv, "bgr24")[dy : dy + height, dx : dx + width]
                return self._frame(_resized(image, size or (width, height)))
        return self._frame(_bgr(yuv, size or (width, height)))

    def sampled(self, size: tuple[int, int], roi: Roi | None = None) -> ImageArray:
        """See `Shot.sampled`. Each plane is scaled by itself, and only the result converted."""
        left, top, right, bottom = _clip(roi, *self.size) if roi else (0, 0, *self.size)
        yuv = self._yuv
        even = not (left | top | right | bottom) & 1
        if yuv.format.name not in _PLANAR_420 or not even:
            return self.frame(size, (left, top, right, bottom)).image
        planes = [_plane(yuv, 0)[top:bottom, left:right]]
        planes += [_plane(yuv, i)[top // 2 : bottom // 2, left // 2 : right // 2] for i in (1, 2)]
        small = [cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR) for plane in planes]
        return np.asarray(cv2.transform(cv2.merge(small), _bgr_matrix(yuv)), dtype=np.uint8)

    def averaged(self, size: tuple[int, int]) -> ImageArray:
        """See `Shot.averaged`; at most half as wide and high is quick."""
        yuv = self._yuv
        is_small = 2 * size[0] <= yuv.width and 2 * size[1] <= yuv.height
        if yuv.format.name not in _PLANAR_420 or not is_small:
            return self.frame(size).image
        halves = self._half_luma(), _plane(yuv, 1), _plane(yuv, 2)
        planes = [_mean_of_blocks(half, size) for half in halves]
        return np.asarray(cv2.transform(cv2.merge(planes), _bgr_matrix(yuv)), dtype=np.uint8)

    def luma(self, size: tuple[int, int] = (64, 36), roi: Roi | None = None) -> ImageArray:
        """Return a thumbnail of the brightness, (H, W) uint8, averaged over some of the rows."""
        left, top, right, bottom = roi or (0, 0, *self.size)
        if right - left >= 4 * size[0]:
            half = self._half_luma()
            plane = half[top // 2 : (bottom + 1) // 2, left // 2 : (right + 1) // 2]
        else:
            plane = self._luma()[top:bottom, left:right]
        # Some rows per row of the thumbnail average noise well enough.
        rows = plane[:: max(1, plane.shape[0] // (4 * size[1]))]
        return np.asarray(cv2.resize(rows, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)

    def _half_luma(self) -> ImageArray:
        """Brightness at half the width and height, for all that wants it smaller still."""
        if self._half is None:
            plane = self._luma()
            size = max(1, plane.shape[1] // 2), max(1, plane.shape[0] // 2)
            half = cv2.resize(plane, size, interpolation=cv2.INTER_AREA)
            self._half = np.asarray(half, dtype=np.uint8)
        return self._half

    def _luma(self) -> ImageArray:
        yuv = self._yuv
        return _plane(yuv, 0) if yuv.format.name in _LUMA_FIRST else _pixels(yuv, "gray")

    def _crop(self, x1: int, y1: int, x2: int, y2: int) -> tuple[VideoFrame, tuple[int, int]]:
        """Return a YUV crop around the box, and where the box begins in it."""
        yuv = self._yuv
        if yuv.format.name not in _PLANAR_420:
            image = _pixels(yuv, "bgr24")[y1:y2, x1:x2]
            return VideoFrame.from_ndarray(np.ascontiguousarray(image), format="bgr24"), (0, 0)
        left, top = x1 & ~1, y1 & ~1
        right, bottom = (x2 + 1) & ~1, (y2 + 1) & ~1
        planes: list[ImageArray] = [_plane(yuv, 0)[top:bottom, left:right]]
        planes += [_plane(yuv, i)[top // 2 : bottom // 2, left // 2 : right // 2] for i in (1, 2)]
        planes[0] = _even(planes[0], right - left, bottom - top)
        flat: ImageArray = np.concatenate([plane.reshape(-1) for plane in planes])
        packed = flat.reshape((bottom - top) * 3 // 2, right - left)
        crop = VideoFrame.from_ndarray(packed, format=yuv.format.name)
        crop.colorspace = yuv.colorspace
        crop.color_range = yuv.color_range
        return crop, (x1 - left, y1 - top)

    def _frame(self, image: ImageArray) -> Frame:
        image.flags.writeable = False
        return Frame(self.camera_id, self.timestamp_s, self.captured_at, image, self.epoch)


def _bgr_matrix(yuv: VideoFrame) -> npt.NDArray[np.float64]:
    """(3, 4) from Y, Cb, Cr and 1 to B, G, R, all 0..255 (ITU-R BT.601 or BT.709)."""
    red, blue = (0.2126, 0.0722) if yuv.colorspace == _BT709 else (0.299, 0.114)
    green = 1 - red - blue
    full = yuv.color_range == _FULL_RANGE or yuv.format.name.startswith("yuvj")
    black, y_scale, c_scale = (0, 1.0, 1.0) if full else (16, 255 / 219, 255 / 224)
    to_blue, to_red = 2 * (1 - blue), 2 * (1 - red)
    rows = np.array(
        [
            [1, to_blue, 0],
            [1, -to_blue * blue / green, -to_red * red / green],
            [1, 0, to_red],
        ]
    ) * (y_scale, c_scale, c_scale)
    return np.column_stack([rows, rows @ (-black, -128, -128)])


def _plane(yuv: VideoFrame, index: int) -> ImageArray:
    """Return one 8-bit plane without copying it."""
    plane = yuv.planes[index]
    rows: ImageArray = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return rows[: plane.height, : plane.width]


def _pixels(yuv: VideoFrame, name: str) -> ImageArray:
    # One thread: a worker converts many cameras side by side, and starting threads costs more.
    return np.asarray(yuv.reformat(format=name, threads=1).to_ndarray(), dtype=np.uint8)


def _even(plane: ImageArray, width: int, height: int) -> ImageArray:
    """Repeat the last row or column of a picture with an odd size."""
    rows, columns = plane.shape
    if (columns, rows) == (width, height):
        return plane
    return np.pad(plane, ((0, height - rows), (0, width - columns)), mode="edge")


def _bgr(yuv: VideoFrame, size: tuple[int, int]) -> ImageArray:
    if size == (yuv.width, yuv.height):
        return _pixels(yuv, "bgr24")
    small = yuv.reformat(*size, format="bgr24", interpolation="AREA", threads=1)
    return np.asarray(small.to_ndarray(), dtype=np.uint8)


def _mean_of_blocks(plane: ImageArray, size: tuple[int, int]) -> ImageArray:
    """What cv2 gives with INTER_AREA; it is slow for blocks of 3 x 3, 5 x 5, and so on."""
    (height, width), side = plane.shape, plane.shape[1] // size[0]
    if side % 2 and (width, height) == (side * size[0], side * size[1]):
        mean = cv2.blur(plane, (side, side))[side // 2 :: side, side // 2 :: side]
        return np.asarray(mean, dtype=np.uint8)
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _resized(image: ImageArray, size: tuple[int, int]) -> ImageArray:
    if size == (image.shape[1], image.shape[0]):
        return np.ascontiguousarray(image)
    shrinks = size[0] < image.shape[1]
    mode = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, size, interpolation=mode), dtype=np.uint8)


def _clip(roi: Roi, width: int, height: int) -> Roi:
    x1, y1 = max(0, roi[0]), max(0, roi[1])
    x2, y2 = min(width, roi[2]), min(height, roi[3])
    if x2 <= x1 or y2 <= y1:
        raise ValueError(f"roi must overlap the picture of {width} x {height}, got {roi}")
    return x1, y1, x2, y2
