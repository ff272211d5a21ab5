"""How a view's calibration and the city's grid are written in the site file."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipeline.geometry.calibration import Calibration
from pipeline.geometry.crs import Crs, to_wgs84
from pipeline.geometry.errors import CalibrationError, GeometryError
from pipeline.geometry.homography import PointNoise
from pipeline.geometry.lens import Lens

Pixel = Annotated[float, Field(ge=-10_000, le=50_000)]
Longitude = Annotated[float, Field(ge=-180, le=180)]
Latitude = Annotated[float, Field(ge=-90, le=90)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GroundPoint(_Section):
    """One point of the ground that is known in the picture and on the map."""

    px: tuple[Pixel, Pixel] = Field(description="[x, y] in pixels from the upper left corner.")
    lonlat: tuple[Longitude, Latitude] = Field(description="[longitude, latitude] in degrees.")


class LensSettings(_Section):
    """Lens distortion as `cv2.calibrateCamera` reports it."""

    focal_px: tuple[float, float] = Field(description="fx, fy in pixels.")
    centre_px: tuple[float, float] = Field(description="cx, cy in pixels.")
    coefficients: tuple[float, float, float, float, float] = Field(
        description="k1, k2, p1, p2, k3."
    )


class CalibrationSettings(_Section):
    """Ground points of one view; at least four, better six or more, spread over the zone."""

    points: tuple[GroundPoint, ...] = Field(min_length=4, max_length=200)
    crs: Crs = Field(default="wgs84", description="What the points' lonlat are given in.")
    image_size: tuple[int, int] | None = Field(
        default=None, description="[width, height] the pixels refer to; none: the stream's own."
    )
    lens: LensSettings | None = Field(default=None, description="Only for visibly bent pictures.")
    click_px: float = Field(default=1.5, gt=0, le=100, description="Clicking error, 1 sigma.")
    survey_m: float = Field(default=0.1, gt=0, le=20, description="Surveying error, 1 sigma.")
    max_rms_m: float = Field(default=5.0, gt=0, le=100, description="Larger errors are refused.")

    @model_validator(mode="after")
    def _can_be_fitted(self) -> CalibrationSettings:
        try:
            self.fit(self.image_size or self._enclosing())
        except GeometryError as error:
            raise ValueError(str(error)) from error
        return self

    def fit(self, image_size: tuple[int, int]) -> Calibration:
        """The calibration for pictures of (width, height) pixels.

        Raises:
            CalibrationError: The points are degenerate, the error exceeds `max_rms_m`, or the
                picture has another shape or does not hold them.
        """
        if self.image_size is None:
            self._refuse_outside(image_size)
        lonlat = to_wgs84([point.lonlat for point in self.points], self.crs)
        fitted = Calibration.fit(
            self._pixels,
            lonlat,
            self.image_size or image_size,
            self._lens(),
            PointNoise(self.click_px, self.survey_m),
        )
        if fitted.rms_m > self.max_rms_m:
            raise CalibrationError(
                f"calibration error must be at most {self.max_rms_m:g} m, got {fitted.rms_m:.2f} m"
            )
        return fitted.resized(image_size)

    def _enclosing(self) -> tuple[int, int]:
        """A picture that holds all points, to check what does not depend on its size."""
        xs, ys = zip(*self._pixels, strict=True)
        return math.ceil(max(2, *xs)), math.ceil(max(2, *ys))

    def _refuse_outside(self, size: tuple[int, int]) -> None:
        """Points that the picture cannot hold were clicked in a picture of another size."""
        for x, y in self._pixels:
            if not (0 <= x <= size[0] and 0 <= y <= size[1]):
                raise CalibrationError(
                    f"ground points must lie in the picture of {size[0]} x {size[1]}, "
                    f"got ({x:g}, {y:g}): give the image_size that they were clicked in"
                )

    @property
    def _pixels(self) -> list[tuple[float, float]]:
        return [point.px for point in self.points]

    def _lens(self) -> Lens | None:
        if self.lens is None:
            return None
        return Lens(self.lens.focal_px, self.lens.centre_px, self.lens.coefficients)


class PositionSettings(_Section):
    """Where a camera stands and looks, for the map; a calibrated view knows it by itself."""

    lonlat: tuple[Longitude, Latitude] = Field(description="[longitude, latitude] in degrees.")
    crs: Crs = Field(default="wgs84", description="What lonlat is given in.")
    heading_deg: float | None = Field(
        default=None, ge=0, lt=360, description="Middle of the view, clockwise from north."
    )
    fov_deg: float | None = Field(default=None, gt=0, lt=360, description="Width of the view.")
    range_m: float | None = Field(
        default=None, gt=0, le=5000, description="How far the map draws the view."
    )


class GridSettings(_Section):
    """The management grid of the city."""

    path: Path = Field(description="GeoJSON with one polygon per cell.")
    crs: Crs = Field(default="wgs84", description="What the file's coordinates are given in.")
    code_property: str = Field(default="code", min_length=1, description="Property with the code.")
    name_property: str = Field(default="name", description="Property with the name.")
    overlap_m2: float = Field(default=5.0, ge=0, description="Smaller overlaps are noise.")
    sliver_m: float = Field(
        default=2.0,
        ge=0,
        description="Narrower gaps are faults; wider are meant.",
    )
