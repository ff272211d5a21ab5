"""A small drawn city by day and by night, once per session."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from bench.fusion_city import DAY, NIGHT, city
from streams.ptz.simulated import Panorama


def _small(image: np.ndarray) -> Panorama:
    half = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return Panorama(half, size=(480, 270))


@pytest.fixture(scope="session")
def by_day() -> Panorama:
    return _small(city(4, DAY))


@pytest.fixture(scope="session")
def by_night() -> Panorama:
    return _small(city(4, NIGHT))
