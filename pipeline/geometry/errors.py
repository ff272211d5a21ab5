"""What can go wrong between pixels and the map.

GeometryError
├── CalibrationError   the ground points cannot give a trustworthy ground plane
├── CoordinateError    a longitude or latitude that cannot be meant
└── GridError          a grid file that cannot be used
"""


class GeometryError(ValueError):
    """Base of everything this folder raises."""


class CalibrationError(GeometryError):
    """The ground points cannot give a trustworthy ground plane; the message says why."""


class CoordinateError(GeometryError):
    """A longitude or latitude is out of range or in the wrong order."""


class GridError(GeometryError):
    """A grid file cannot be read or contradicts itself."""
