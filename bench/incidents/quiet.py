"""False alarms over simulated camera-days before real places, where nothing is wrong (files).

A day is watched as the patrol watches: a glance every so many seconds, looks where a rule wishes
them, people counted where crowds are judged; only what lies behind a sighting is not looked for.
A day is watched in pieces of two hours. Each piece is written to disk when it is done, and the
next one begins as the patrol begins after a restart: with the open sightings and the background
that were kept. So a run that was broken off goes on where it was, and gives the same as one that
was not.

Days are watched a second time with an operator who rejects every alarm some minutes later, as
those who live with a patrol do: what a rejection teaches a view is then in force. Until the first
verdict such a day is the plain one, whose pieces are taken over.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import time
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2

from bench.incidents.attention import Attention
from bench.incidents.commit import commit
from bench.incidents.kept import KeptDetections, picture_name
from bench.incidents.quiet_page import quiet_page
from bench.incidents.quiet_result import MIDNIGHT, quiet_result
from bench.incidents.rejecting import Operator
from models.detections import Detections
from models.detector import Detector
from models.region_plan import PixelBox, RegionNeeds, plan_regions
from pipeline.boxes import to_pixels
from pipeline.confirm import Origin
from pipeline.engine.unchanged import UnchangedView
from pipeline.engine.watch import Count
from pipeline.ledger.codec import sighting_json, sighting_of
from pipeline.site.settings import WorkerSettings
from pipeline.types import Box, CrowdCount, Sighting, ViewKey
from pipeline.view_pipeline import ViewPipeline, ViewPlan
from pipeline.zones import Zone
from sample_videos.quiet import FORM, QuietView, quiet_view
from sample_videos.weather import DAY_S
from streams.types import Frame, ImageArray

UNCHANGED_S = WorkerSettings().unchanged_s
"""As a site has it by default."""
_MOST_DRAWN = 200
_STREET = [[0.02, 0.4], [0.98, 0.4], [0.98, 0.98], [0.02, 0.98]]


@dataclass(frozen=True, slots=True)
class QuietOptions:
    """How much to simulate.

    Attributes:
        days: Camera-days, each before another place as long as there are places.
        glance_s: Seconds between glances, of every rule: a patrol looks for helmets more often.
        first: Seed of the first day.
        until_s: Second of each day at which it ends.
        piece_s: Seconds of a piece.
        unchanged_s: The patrol keeps the boxes of an unchanged picture for so long.
        most_s: Begin no further piece after so many seconds of wall clock; None for no end.
        again: Watch pieces once more that were watched, with the detections that were kept.
        rejected_after_s: In the second run an operator rejects an alarm so long after it.
    """

    days: int = 10
    glance_s: float = 10.0
    first: int = 0
    until_s: float = DAY_S
    piece_s: float = 7200.0
    unchanged_s: float = UNCHANGED_S
    most_s: float | None = None
    again: bool = False
    rejected_after_s: float = 600.0


Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Watcher:
    """What watches the days.

    Attributes:
        detector: Finds things.
        count: Counts people in zones with a crowding rule.
        counted_by: What counts: names the folder of the pieces.
    """

    detector: Detector
    count: Count
    counted_by: str = "boxes"


def run_quiet(watcher: Watcher, places: tuple[Path | None, Path | None], out: Path,
              options: QuietOptions | None = None,
              progress: Progress | None = None) -> dict[str, Any]:  # fmt: skip
    """Watch simulated days and count what is raised; everything raised is a false alarm.

    Writes `quiet.json` and `quiet.html` into `out`, and the pieces below it, by weight.

    Args:
        watcher: The weights to measure.
        places: Roots of the annotated pictures and of the clips; at least one is needed.
        out: Folder for the results.
        options: How much.
        progress: Called with what is done, pieces done, pieces in all.

    Raises:
        sample_videos.errors.SampleError: neither pictures nor clips are there.
    """
    options = options or QuietOptions()
    days = _Days(watcher, places, out, options, progress)
    for judged in (False, True):
        for seed in range(options.first, options.first + options.days):
            days.watch(seed, judged)
    result = quiet_result(days.plain, options.glance_s)
    second = quiet_result(days.judged, options.glance_s)
    kept = ("commits", "all", "by_type", "by_day", "alarms")
    result["rejected"] = {"after_s": options.rejected_after_s, **{k: second[k] for k in kept}}
    (out / "quiet.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    (out / "quiet.html").write_text(quiet_page(result, days.plain, days.judged), encoding="utf-8")
    return result


class _Days:
    """The days of a run, piece by piece; see `run_quiet`.

    Attributes:
        plain: Folder of the days in which nobody judges.
        judged: Folder of those in which alarms are rejected.
    """

    def __init__(self, watcher: Watcher, places: tuple[Path | None, Path | None], out: Path,
                 options: QuietOptions, progress: Progress | None) -> None:  # fmt: skip
        weight = watcher.detector.model_id.replace("/", "_").replace(":", "-")
        how = f"{options.glance_s:g}s-{options.piece_s:g}s-{watcher.counted_by}-form{FORM}"
        self.plain = out / "quiet" / weight / how
        self.judged = self.plain.with_name(f"{how}-rejected{options.rejected_after_s:g}s")
        self._watcher, self._places, self._kept = watcher, places, out / "detections"
        self._options, self._progress = options, progress
        self._pieces = round(options.until_s / options.piece_s)
        self._steps, self._step = 2 * options.days * self._pieces, 0
        self._began = time.monotonic()

    def watch(self, seed: int, judged: bool) -> None:
        """Watch what is missing of one day, unless the time is over."""
        plain, judged_day = (folder / f"day-{seed:02d}" for folder in (self.plain, self.judged))
        target = judged_day if judged else plain
        day: _Day | None = None
        for number in range(self._pieces):
            self._step += 1
            name = _piece_name(number)
            if judged and not _is_done(plain / name, self._options):
                return
            fresh = not judged or _is_of_one_commit(plain / name, target / name)
            if fresh and _is_done(target / name, self._options):
                continue
            if judged and self._is_unjudged(plain, number):
                _take_over(plain, number, target)
                continue
            most_s = self._options.most_s
            if most_s is not None and time.monotonic() - self._began > most_s:
                return
            if day is None:
                view = quiet_view(seed, *self._places)
                day = _Day(view, seed, self._watcher, target, self._kept)
            day.watch(number, self._options, judged)
            if self._progress is not None:
                about = f"day {seed}, piece {number}" + ", rejected" * judged
                self._progress(about, self._step, self._steps)

    def _is_unjudged(self, plain: Path, number: int) -> bool:
        """Whether no verdict is given before the end of a piece."""
        operator = Operator(self._options.rejected_after_s)
        operator.heard(_sightings_before(plain, number + 1))
        end_s = MIDNIGHT.timestamp() + (number + 1) * self._options.piece_s
        return not operator.memory(end_s).rejections


def _take_over(plain: Path, number: int, target: Path) -> None:
    """Copy a piece and the pictures of what is raised in it; the piece comes last."""
    target.mkdir(parents=True, exist_ok=True)
    rows = json.loads((plain / _piece_name(number)).read_text("utf-8"))["sightings"]
    shown = sorted({f"{row['sighting_id']}.jpg" for row in rows})
    for name in (*shown, _background_name(number), _piece_name(number)):
        shutil.copy2(plain / name, target / name)


def _piece_name(number: int) -> str:
    return f"piece-{number:02d}.json"


def _background_name(number: int) -> str:
    return f"background-{number:02d}.npz"


def _sightings_before(day: Path, number: int) -> list[Sighting]:
    """All messages of a day's pieces before one of this number."""
    pieces = [json.loads((day / _piece_name(n)).read_text("utf-8")) for n in range(number)]
    return [sighting_of(row) for piece in pieces for row in piece["sightings"]]


def _is_done(piece: Path, options: QuietOptions) -> bool:
    """Whether a piece was watched; when all are watched again, by this very commit."""
    if not piece.is_file():
        return False
    return not options.again or _commit_of(piece) == commit()


def _is_of_one_commit(plain: Path, judged: Path) -> bool:
    return judged.is_file() and _commit_of(plain) == _commit_of(judged)


def _commit_of(piece: Path) -> str:
    return str(json.loads(piece.read_text("utf-8"))["commit"])


@dataclass(slots=True)
class _Counts:
    """What was done in a piece, and the CPU time of detecting, counting and judging it.

    `detected` counts pictures that differ, `twice` those of which a part was detected twice. What
    a patrol would detect is charged each time; decoding is not.
    """

    pictures: int = 0
    in_looks: int = 0
    detected: int = 0
    twice: int = 0
    cpu_s: float = 0.0


class _Day:
    """One view over one day, a piece at a time."""

    def __init__(
        self, view: QuietView, seed: int, watcher: Watcher, folder: Path, kept: Path
    ) -> None:
        zone = Zone.model_validate({"id": "street", "polygon": _STREET, "rules": view.rules})
        self._view, self._watcher, self._folder, self._zone = view, watcher, folder, zone
        self._origin = Origin("quiet", ViewKey(f"day-{seed}"), watcher.detector.model_id)
        self._drawn: dict[Hashable, ImageArray] = {}
        self._found: dict[Hashable, tuple[Detections, float]] = {}
        self._kept = KeptDetections(watcher.detector, kept, f"quiet-{seed:02d}", self._regions)
        folder.mkdir(parents=True, exist_ok=True)

    def watch(self, number: int, options: QuietOptions, judged: bool) -> None:
        """Watch one piece and write it down; if judged, alarms are rejected after a while."""
        detector = self._watcher.detector
        plan = ViewPlan(
            self._origin, (self._zone,), detector.labels, thresholds=detector.thresholds
        )
        pipeline, operator = ViewPipeline(plan), Operator(options.rejected_after_s)
        before_this = _sightings_before(self._folder, number)
        operator.heard(before_this)
        self._take_up(pipeline, before_this, number)
        unchanged, roi = UnchangedView(options.unchanged_s), self._roi()
        first_s, seen = number * options.piece_s, _Counts()
        attention = Attention(options.glance_s, looks=True, next_s=first_s)
        sightings: list[Sighting] = []
        while (t_s := attention.next_s) < first_s + options.piece_s - 1e-6:
            content = self._view.content(t_s)
            frame = self._frame(content, t_s)
            looking = attention.is_looking(t_s)
            seen.pictures += 1
            seen.in_looks += looking
            found = None if looking else unchanged.known(frame, roi)
            places = pipeline.confirmation.doubtful_places
            found, counts = self._see(content, frame, found, places, seen)
            if judged:
                pipeline.confirmation.memory = operator.memory(frame.timestamp_s)
            before = time.process_time()
            judgement = pipeline.judge(frame, found, counts=counts, looking=looking)
            seen.cpu_s += time.process_time() - before
            unchanged.detected(frame, roi, found, not pipeline.confirmation.undecided)
            attention.took(t_s, judgement.wants)
            for sighting in judgement.sightings:
                self._show(sighting, frame.image)
            sightings += judgement.sightings
            operator.heard(judgement.sightings)
        (self._folder / _background_name(number)).write_bytes(pipeline.background())
        self._kept.save()
        self._write(number, {
            "place": self._view.name, "kind": self._view.kind, "commit": commit(),
            "watched_s": options.piece_s, "pictures": seen.pictures, "in_looks": seen.in_looks,
            "detected": seen.detected, "twice": seen.twice,
            "cpu_s": seen.cpu_s,
            "sightings": [sighting_json(s) for s in sightings],
        })  # fmt: skip

    def _frame(self, content: Hashable, t_s: float) -> Frame:
        now_s = MIDNIGHT.timestamp() + t_s
        image = self._picture(content, t_s)
        return Frame("quiet", now_s, datetime.fromtimestamp(now_s, UTC), image)

    def _see(
        self,
        content: Hashable,
        frame: Frame,
        found: Detections | None,
        places: Iterable[Box],
        seen: _Counts,
    ) -> tuple[Detections, tuple[CrowdCount, ...]]:
        """Boxes, unless they are known, and people counted; equal pictures are seen once.

        Args:
            places: What is in doubt, 0..1.
        """
        if found is None:
            found = self._detect(content, frame, places, seen)
        before = time.process_time()
        counts = self._watcher.count(frame, (self._zone,), found)
        seen.cpu_s += time.process_time() - before
        return found, counts

    def _detect(
        self, content: Hashable, frame: Frame, places: Iterable[Box], seen: _Counts
    ) -> Detections:
        name = ""
        if content not in self._found:
            seen.detected += 1
            name = picture_name(frame.image)
            self._found[content] = self._kept.see(name, frame.image)
        found, cpu_s = self._found[content]
        seen.cpu_s += cpu_s
        doubts = self._kept.enlarged([to_pixels(p, frame.size) for p in places], frame.size)
        if doubts:
            name = name or picture_name(frame.image)
            found, cpu_s = self._kept.ask_again(name, frame.image, found, doubts)
            seen.twice += 1
            seen.cpu_s += cpu_s
        return found

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
        size = self._watcher.detector.input_size
        return tuple(plan_regions(self._view.size, bounds, size, RegionNeeds()).regions)

    def _take_up(self, pipeline: ViewPipeline, sightings: Iterable[Sighting], number: int) -> None:
        """What the pieces before left, as after a restart of the patrol."""
        last = {sighting.sighting_id: sighting for sighting in sightings}
        background = self._folder / _background_name(number - 1)
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
        os.replace(part, self._folder / _piece_name(number))
