"""False alarms over simulated camera-days before real places, where nothing is wrong (files).

A day is watched in pieces of two hours. Each piece is written to disk when it is done, and the
next one begins as the patrol begins after a restart: with the open sightings and the background
that were kept. So a run that was broken off goes on where it was, and gives the same as one that
was not.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2

from bench.incidents.alarms import Alarm, alarms_of
from bench.incidents.commit import commit
from bench.incidents.intervals import poisson_rate
from bench.incidents.kept import KeptDetections, picture_name
from bench.incidents.quiet_page import quiet_page
from models.detections import Detections
from models.detector import Detector
from models.region_plan import PixelBox, RegionNeeds, plan_regions
from pipeline.confirm import Origin
from pipeline.engine.unchanged import UnchangedView
from pipeline.ledger.codec import sighting_json, sighting_of
from pipeline.site.settings import WorkerSettings
from pipeline.types import Sighting, ViewKey
from pipeline.view_pipeline import ViewPipeline, ViewPlan
from pipeline.zones import Zone
from sample_videos.quiet import QuietView, quiet_view
from sample_videos.weather import DAY_S
from streams.types import Frame, ImageArray

MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
UNCHANGED_S = WorkerSettings().unchanged_s
"""As a site has it by default."""
_MOST_DRAWN = 200
_STREET = [[0.02, 0.4], [0.98, 0.4], [0.98, 0.98], [0.02, 0.98]]


@dataclass(frozen=True, slots=True)
class QuietOptions:
    """How much to simulate.

    Attributes:
        days: Camera-days, each before another place as long as there are places.
        glance_s: Seconds between pictures.
        first: Seed of the first day.
        until_s: Second of each day at which it ends.
        piece_s: Seconds of a piece.
        unchanged_s: The patrol keeps the boxes of an unchanged picture for so long.
        most_s: Begin no further piece after so many seconds of wall clock; None for no end.
        again: Watch pieces once more that were watched, with the detections that were kept.
    """

    days: int = 10
    glance_s: float = 10.0
    first: int = 0
    until_s: float = DAY_S
    piece_s: float = 7200.0
    unchanged_s: float = UNCHANGED_S
    most_s: float | None = None
    again: bool = False


Progress = Callable[[str, int, int], None]


def run_quiet(detector: Detector, places: tuple[Path | None, Path | None], out: Path,
              options: QuietOptions | None = None,
              progress: Progress | None = None) -> dict[str, Any]:  # fmt: skip
    """Watch simulated days and count what is raised; everything raised is a false alarm.

    Writes `quiet.json` and `quiet.html` into `out`, and the pieces below it, by weight.

    Args:
        detector: The weight to measure.
        places: Roots of the annotated pictures and of the clips; at least one is needed.
        out: Folder for the results.
        options: How much.
        progress: Called with what is done, pieces done, pieces in all.

    Raises:
        sample_videos.errors.SampleError: neither pictures nor clips are there.
    """
    options = options or QuietOptions()
    pace = f"{options.glance_s:g}s"
    folder = out / "quiet" / detector.model_id.replace("/", "_").replace(":", "-") / pace
    pieces = round(options.until_s / options.piece_s)
    began, done = time.monotonic(), 0
    for seed in range(options.first, options.first + options.days):
        day: _Day | None = None
        for number in range(pieces):
            done += 1
            place = folder / f"day-{seed:02d}"
            if _is_done(place / f"piece-{number:02d}.json", options):
                continue
            if options.most_s is not None and time.monotonic() - began > options.most_s:
                break
            day = day or _Day(quiet_view(seed, *places), seed, detector, place, out / "detections")
            day.watch(number, options)
            if progress is not None:
                progress(f"day {seed}, piece {number}", done, options.days * pieces)
    result = quiet_result(folder, options.glance_s)
    (out / "quiet.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    (out / "quiet.html").write_text(quiet_page(result, folder), encoding="utf-8")
    return result


def _is_done(piece: Path, options: QuietOptions) -> bool:
    """Whether a piece was watched; when all are watched again, by this very commit."""
    if not piece.is_file():
        return False
    return not options.again or json.loads(piece.read_text("utf-8"))["commit"] == commit()


class _Day:
    """One view over one day, a piece at a time."""

    def __init__(
        self, view: QuietView, seed: int, detector: Detector, folder: Path, kept: Path
    ) -> None:
        rules = (
            {"type": "street_vending"},
            {"type": "garbage"},
            {"type": "overflowing_bin"},
            {"type": "crowding", "people": view.crowd_limit},
        )
        zone = Zone.model_validate({"id": "street", "polygon": _STREET, "rules": rules})
        self._view, self._detector, self._folder, self._zone = view, detector, folder, zone
        self._origin = Origin("quiet", ViewKey(f"day-{seed}"), detector.model_id)
        self._drawn: dict[Hashable, ImageArray] = {}
        self._found: dict[Hashable, Detections] = {}
        self._kept = KeptDetections(detector, kept, f"quiet-{seed:02d}", self._regions)
        folder.mkdir(parents=True, exist_ok=True)

    def watch(self, number: int, options: QuietOptions) -> None:
        """Watch one piece and write it down."""
        pipeline = ViewPipeline(
            ViewPlan(
                self._origin,
                (self._zone,),
                self._detector.labels,
                thresholds=self._detector.thresholds,
            )
        )
        self._take_up(pipeline, number)
        unchanged, roi = UnchangedView(options.unchanged_s), self._roi()
        began, detected, detect_s, spent_s = time.process_time(), 0, 0.0, 0.0
        sightings: list[Sighting] = []
        steps = round(options.piece_s / options.glance_s)
        for step in range(steps):
            t_s = number * options.piece_s + step * options.glance_s
            content = self._view.content(t_s)
            image = self._picture(content, t_s)
            now_s = MIDNIGHT.timestamp() + t_s
            frame = Frame("quiet", now_s, datetime.fromtimestamp(now_s, UTC), image)
            found = unchanged.known(frame, roi)
            if found is None:
                if content not in self._found:
                    detected += 1
                    before = time.process_time()
                    self._found[content], cpu_s = self._kept.see(picture_name(image), image)
                    spent_s += time.process_time() - before
                    detect_s += cpu_s
                found = self._found[content]
            new = pipeline.judge(frame, found).sightings
            unchanged.detected(frame, roi, found, not pipeline.confirmation.undecided)
            for sighting in new:
                self._show(sighting, image)
            sightings += new
        (self._folder / f"background-{number:02d}.npz").write_bytes(pipeline.background())
        self._kept.save()
        self._write(number, {
            "place": self._view.name, "kind": self._view.kind, "commit": commit(),
            "pictures": steps, "detected": detected,
            "cpu_s": time.process_time() - began - spent_s + detect_s,
            "sightings": [sighting_json(s) for s in sightings],
        })  # fmt: skip

    def _roi(self) -> tuple[int, int, int, int]:
        left, top, right, bottom = self._zone.bounds(self._view.size)
        return math.floor(left), math.floor(top), math.ceil(right), math.ceil(bottom)

    def _picture(self, content: Hashable, t_s: float) -> ImageArray:
        if content not in self._drawn:
            if len(self._drawn) >= _MOST_DRAWN:
                self._drawn.pop(next(iter(self._drawn)))
            self._drawn[content] = self._view.picture(t_s)
        return self._drawn[content]

    @property
    def _regions(self) -> tuple[PixelBox, ...]:
        bounds = [self._zone.bounds(self._view.size)]
        plan = plan_regions(self._view.size, bounds, self._detector.input_size, RegionNeeds())
        return tuple(plan.regions)

    def _take_up(self, pipeline: ViewPipeline, number: int) -> None:
        """What the pieces before left, as after a restart of the patrol."""
        last = {}
        for piece in sorted(self._folder.glob("piece-*.json"))[:number]:
            for row in json.loads(piece.read_text(encoding="utf-8"))["sightings"]:
                last[row["sighting_id"]] = sighting_of(row)
        background = self._folder / f"background-{number - 1:02d}.npz"
        known = background.read_bytes() if background.is_file() else b""
        pipeline.restore(last.values(), known)

    def _show(self, sighting: Sighting, image: ImageArray) -> None:
        target = self._folder / f"{sighting.sighting_id}.jpg"
        if not target.is_file():
            height, width = image.shape[:2]
            left, top, right, bottom = sighting.xyxy_norm
            drawn = image.copy()
            corner = (round(right * width), round(bottom * height))
            cv2.rectangle(drawn, (round(left * width), round(top * height)), corner, (0, 0, 255), 2)
            cv2.imwrite(str(target), drawn)

    def _write(self, number: int, piece: dict[str, Any]) -> None:
        part = self._folder / f".piece-{number:02d}.part"
        part.write_text(json.dumps(piece) + "\n", encoding="utf-8")
        os.replace(part, self._folder / f"piece-{number:02d}.json")


def quiet_result(folder: Path, glance_s: float) -> dict[str, Any]:
    """False alarms per camera-day of all pieces in a folder, in all and by kind of place."""
    days = [list(_pieces(day)) for day in sorted(folder.glob("day-*"))]
    every = [piece for day in days for piece in day]
    alarms = [
        {"day": day[0]["day"], "kind": day[0]["kind"], "place": day[0]["place"], **a.to_json()}
        for day in days if day for a in _alarms(day)
    ]  # fmt: skip
    kinds = sorted({p["kind"] for p in every})
    return {
        "model": folder.parent.name,
        "glance_s": glance_s,
        "commits": sorted({p["commit"] for p in every}),
        "all": _rate(alarms, every, glance_s),
        "by_kind": {
            k: _rate([a for a in alarms if a["kind"] == k], [p for p in every if p["kind"] == k],
                     glance_s)
            for k in kinds
        },
        "by_type": dict(Counter(str(a["type"]) for a in alarms)),
        "alarms": alarms,
    }  # fmt: skip


def _pieces(day: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(day.glob("piece-*.json")):
        yield {"day": day.name, **json.loads(path.read_text(encoding="utf-8"))}


def _alarms(day: list[dict[str, Any]]) -> list[Alarm]:
    sightings = [sighting_of(row) for piece in day for row in piece["sightings"]]
    return alarms_of(sightings, MIDNIGHT.timestamp())


def _rate(alarms: list[dict[str, Any]], pieces: list[dict[str, Any]], glance_s: float
          ) -> dict[str, Any]:  # fmt: skip
    pictures = sum(p["pictures"] for p in pieces)
    days = pictures * glance_s / DAY_S
    low, high = poisson_rate(len(alarms), days)
    return {
        "camera_days": days, "pictures": pictures,
        "different_pictures": sum(p["detected"] for p in pieces),
        "false_alarms": len(alarms), "false_per_day": len(alarms) / days if days else None,
        "interval": [low, high if days else None],
        "cpu_s": sum(p["cpu_s"] for p in pieces),
    }  # fmt: skip
