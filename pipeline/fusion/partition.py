"""Which of several fusion processes a sighting goes to: neighbours in place to the same one.

Sharing the work by place keeps candidates in one process's cache and lock queue. It is not what
makes results right: two sightings of one happening on both sides of a border meet in the
database, whose transaction sees both.
"""

from __future__ import annotations

import math
import zlib

from pipeline.types import Place, Sighting

TILE_M = 400.0
"""Side of a tile: several times the reach of any gate, so that few happenings lie on a border."""

_METRES_PER_DEGREE = 111_320.0


def partition_of(sighting: Sighting, place: Place | None, partitions: int) -> int:
    """0..partitions-1, the same on every machine: by tile of the map, by camera without a place.

    Raises:
        ValueError: There must be at least one partition.
    """
    if partitions < 1:
        raise ValueError(f"partitions must be at least 1, got {partitions}")
    return zlib.crc32(tile_of(sighting, place).encode()) % partitions


def tile_of(sighting: Sighting, place: Place | None) -> str:
    """Name of the tile, e.g. "11103/24829"; "camera/<id>" without a place."""
    if place is None:
        return f"camera/{sighting.view.camera_id}"
    row = math.floor(place.lat * _METRES_PER_DEGREE / TILE_M)
    middle = math.radians((row + 0.5) * TILE_M / _METRES_PER_DEGREE)
    column = math.floor(place.lon * _METRES_PER_DEGREE * math.cos(middle) / TILE_M)
    return f"{row}/{column}"
