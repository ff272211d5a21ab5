"""What a tour must not forget over a restart: its visits and its presets' pictures, on disk.

    <folder>/visits.json            {"market": 1772352000.0, ...}
    <folder>/<view>.png             the picture learned for a preset, unless the site file names one

Reads and writes files; a damaged file is told and treated as absent.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import structlog

from pipeline.tour.settings import TourSettings
from pipeline.tour.tour import Tour
from pipeline.tour.values import ImageArray
from pipeline.tour.verify import Reference

log = structlog.get_logger(__name__)


class TourKeeper:
    """Keeps one tour's memory in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept_visits: Mapping[str, float] = {}
        self._kept_pictures: set[str] = set()

    def references(self, settings: TourSettings) -> dict[str, tuple[Reference, ...]]:
        """Pictures of the presets: those of the site file, else those learned earlier."""
        found: dict[str, tuple[Reference, ...]] = {}
        for stop in settings.stops:
            path = Path(stop.reference) if stop.reference else self._picture(stop.view)
            image = _read(path) if path.exists() else None
            if image is not None:
                found[stop.view] = (Reference(image),)
                self._kept_pictures.add(stop.view)
            elif stop.reference or path.exists():
                log.warning("reference picture cannot be read", view=stop.view, path=str(path))
        return found

    def visits(self) -> dict[str, float]:
        """End of the last visit by view, media time; empty when nothing was kept."""
        path = self._folder / "visits.json"
        try:
            kept = json.loads(path.read_text())
            return {str(view): float(at_s) for view, at_s in kept.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, AttributeError) as error:
            log.warning("visits forgotten", path=str(path), reason=str(error))
            return {}

    def keep(self, tour: Tour) -> None:
        """Write what is new; raises OSError when the disk does not take it."""
        for view, known in tour.references.items():
            if view not in self._kept_pictures:
                done, data = cv2.imencode(".png", known[0].image)
                if done:
                    self._replace(self._picture(view), bytes(data))
                self._kept_pictures.add(view)
        visits = tour.visits
        if visits != self._kept_visits:
            self._replace(self._folder / "visits.json", json.dumps(visits).encode())
            self._kept_visits = visits

    def _picture(self, view: str) -> Path:
        return self._folder / f"{view}.png"

    def _replace(self, path: Path, content: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.part")
        part.write_bytes(content)
        os.replace(part, path)


def _read(path: Path) -> ImageArray | None:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    return None if image is None else np.asarray(image, np.uint8)
