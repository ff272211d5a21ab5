"""Renders a scenario: one H.264 clip and one truth file per camera (file output)."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from shapely import Polygon
from shapely import box as rectangle

from sample_videos.encode import ClipWriter
from sample_videos.judge import Happening, happenings
from sample_videos.optics import PinholeCamera
from sample_videos.pictures import Pictures
from sample_videos.scenario import CameraSpec, RuleTruth, Scenario, ZoneSpec
from sample_videos.stage import SeenBox, Stage
from sample_videos.timeline import Timeline
from sample_videos.truth import (
    Calibration,
    Clip,
    Truth,
    TruthIncident,
    TruthObject,
    TruthZone,
    save_truth,
)

Progress = Callable[[int, int], None]
_SUBDIVISIONS = 12
SHOWN_PERCENT = 25
"""Of a thing that a view must show before anybody could know what it is; ours, a quarter: of the
drawn half-hidden heaps, which patrols find, more shows."""
RENDERER = 3
"""To be raised whenever an equal scenario gives other pictures or another truth: clips of an
earlier number are rendered again (see `suite.render_suite`)."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """One camera's clip and truth file."""

    camera_id: str
    clip: Path
    truth: Path


def clip_name(scenario: Scenario, camera: CameraSpec) -> str:
    """File stem of a camera's clip: the scenario's name, and the camera's where there are more."""
    if len(scenario.cameras) == 1:
        return scenario.name
    return f"{scenario.name}-{camera.id}"


def rendered_in(scenario: Scenario, folder: Path) -> list[Rendered]:
    """Where a folder has, or would have, the clips and truth files of a scenario."""
    stems = [(camera.id, clip_name(scenario, camera)) for camera in scenario.cameras]
    return [
        Rendered(camera_id, folder / f"{stem}.mp4", folder / f"{stem}.truth.json")
        for camera_id, stem in stems
    ]


def render(
    scenario: Scenario,
    folder: Path,
    pictures: Pictures | None = None,
    progress: Progress | None = None,
) -> list[Rendered]:
    """Draw every camera of a scenario; equal scenarios give equal pictures.

    Args:
        scenario: What happens.
        folder: Where clips and truth files are written; made if missing.
        pictures: Real pictures, for scenarios that ask for them.
        progress: Called with frames done and frames in all.
    """
    folder.mkdir(parents=True, exist_ok=True)
    timeline = Timeline(scenario)
    true = happenings(scenario, timeline)
    total = int(scenario.duration_s * scenario.fps)
    done = 0
    out = rendered_in(scenario, folder)
    for camera, made in zip(scenario.cameras, out, strict=True):
        stage = Stage(timeline, camera, pictures)
        rows = _Rows()
        with TemporaryDirectory(prefix=".drawing-", dir=folder) as own:  # two may draw the same
            part = Path(own) / made.clip.name
            with ClipWriter(part, camera.size, scenario.fps, scenario.conditions) as writer:
                for index in range(total):
                    image, boxes = stage.frame(index)
                    writer.write(image)
                    rows.add(index, boxes)
                    done += 1
                    if progress is not None:
                        progress(done, total * len(scenario.cameras))
            os.replace(part, made.clip)
        truth = truth_of(scenario, camera, stage, true, rows.objects(total))
        sha = hashlib.sha256(made.clip.read_bytes()).hexdigest()
        named = truth.model_copy(
            update={"clip": truth.clip.model_copy(update={"file": made.clip.name, "sha256": sha})}
        )
        save_truth(named, made.truth)
    return out


class _Rows:
    """Collects boxes per object, a row only where something changed."""

    def __init__(self) -> None:
        self._rows: dict[str, list[tuple[int, float, float, float, float, int]]] = {}
        self._about: dict[str, tuple[str, str]] = {}
        self._last: dict[str, int] = {}

    def add(self, index: int, boxes: Sequence[SeenBox]) -> None:
        for box in boxes:
            name = f"{box.object_id}:{box.label}"
            self._about[name] = (box.label, box.actor)
            rows = self._rows.setdefault(name, [])
            last = self._last.get(name)
            if last is not None and last < index - 1:
                rows.append((last + 1, *rows[-1][1:5], 0))
            left, top, right, bottom = (round(v, 1) for v in box.xyxy)
            row = (index, left, top, right, bottom, round(100 * box.visible))
            if not rows or _changed(rows[-1], row):
                rows.append(row)
            self._last[name] = index

    def objects(self, frames: int) -> tuple[TruthObject, ...]:
        out = []
        for name, rows in self._rows.items():
            if self._last[name] < frames - 1:
                rows.append((self._last[name] + 1, *rows[-1][1:5], 0))
            label, actor = self._about[name]
            out.append(TruthObject(id=name, label=label, actor=actor, rows=tuple(rows)))
        return tuple(out)


def _changed(
    old: tuple[int, float, float, float, float, int],
    new: tuple[int, float, float, float, float, int],
) -> bool:
    moved = max(abs(a - b) for a, b in zip(old[1:5], new[1:5], strict=True)) > 0.6
    return moved or abs(old[5] - new[5]) > 4


def truth_of(scenario: Scenario, camera: CameraSpec, stage: Stage, true: Sequence[Happening],
             objects: tuple[TruthObject, ...]) -> Truth:  # fmt: skip
    """The truth of one camera's view of a scenario."""
    frames = int(scenario.duration_s * scenario.fps)
    zones = tuple(z for z in (_zone(z, stage.camera) for z in scenario.zones) if z is not None)
    seen = {z.id for z in zones}
    incidents = []
    for number, item in enumerate(true):
        shown = shown_s(item, objects, scenario)
        place = _place(item, objects, scenario, camera.size)
        if place is None or item.zone not in seen:
            continue
        incidents.append(
            TruthIncident.model_validate({
                "id": f"{item.type}-{number}", "type": item.type, "subtype": item.subtype,
                "begin_s": item.begin_s, "act_s": item.act_s, "end_s": item.end_s,
                "dwell_s": item.dwell_s, "zone": item.zone, "box_norm": place,
                "shown_s": None if shown == math.inf else shown,
                "certain": shown is None or _lasts(item, shown),
                "ground_m": tuple(round(v, 2) for v in item.at_m), "actors": item.doers,
            })
        )  # fmt: skip
    homography = stage.camera.ground_homography().ravel()
    return Truth(
        clip=Clip(file=f"{clip_name(scenario, camera)}.mp4", fps=scenario.fps, frames=frames,
                  size=camera.size, start=scenario.start),
        view=camera.id,
        origin="composite" if _is_composite(scenario) else "rendered",
        scenario=scenario.name,
        conditions=scenario.conditions.model_dump(),
        calibration=Calibration(
            ground_to_px=tuple(float(v) for v in homography), position_m=camera.position_m,
            hfov_deg=camera.hfov_deg,
        ),
        zones=zones,
        objects=objects,
        incidents=tuple(incidents),
    )  # fmt: skip


def _is_composite(scenario: Scenario) -> bool:
    real = any(actor.kind == "cutout" for actor in scenario.actors)
    return real or scenario.backdrop.kind == "picture"


def _zone(zone: ZoneSpec, camera: PinholeCamera) -> TruthZone | None:
    """A ground polygon as the view sees it, clipped to the picture."""
    corners = list(zone.polygon_m)
    points = [
        (x0 + step * (x1 - x0), y0 + step * (y1 - y0), 0.0)
        for (x0, y0), (x1, y1) in zip(corners, corners[1:] + corners[:1], strict=True)
        for step in np.linspace(0, 1, _SUBDIVISIONS, endpoint=False)
    ]
    pixels, depth = camera.project(points)
    kept = pixels[depth > 0.5]
    if len(kept) < 3:
        return None
    shape = Polygon(kept / np.asarray(camera.size, np.float64)).convex_hull
    shown = shape.intersection(rectangle(0, 0, 1, 1))
    if shown.is_empty or not isinstance(shown, Polygon):
        return None
    simple = shown.simplify(0.002)
    outline = list((simple if isinstance(simple, Polygon) else shown).exterior.coords)[:-1]
    return TruthZone(
        id=zone.id,
        polygon_norm=tuple((round(x, 4), round(y, 4)) for x, y in outline),
        rules={
            name: {
                "dwell_s": rule.dwell_s,
                **(_crowd_limits(rule) if name == "crowding" else {}),
                **(
                    {"permits": [{"from": p.start, "to": p.end} for p in rule.permits]}
                    if rule.permits
                    else {}
                ),
            }
            for name, rule in zone.rules.items()
        },
    )


def _crowd_limits(rule: RuleTruth) -> dict[str, int | bool]:
    return {"people": rule.people, **({"ignore_queues": True} if rule.ignore_queues else {})}


def _lasts(item: Happening, shown: float) -> bool:
    """Whether the view shows it for its dwell: what shows for less is none to its eyes."""
    return shown < math.inf and (item.end_s is None or item.end_s - shown >= item.dwell_s)


def shown_s(item: Happening, objects: Sequence[TruthObject], scenario: Scenario) -> float | None:
    """First second from which a view shows enough of an incident; None from its begin, inf never.

    Of a person a quarter is enough, the head or not; of a crowd so many people at once, wherever in
    the view, as the zone calls a crowd.

    Args:
        item: What happens.
        objects: What the view sees of all things.
        scenario: It says how many people make a crowd; of all else one thing is enough.
    """
    zone = next(z for z in scenario.zones if z.id == item.zone)
    wanted = zone.rules["crowding"].people if item.type == "crowding" else 1
    things = [t for t in objects if t.actor in item.things and t.label != "carried_bag"]
    first = round(item.begin_s * scenario.fps)
    last = round((item.end_s or scenario.duration_s) * scenario.fps)
    for frame in range(first, last):
        boxes = [(t.actor, at) for t in things if (at := t.at(frame)) is not None]
        if len({actor for actor, at in boxes if at[4] >= SHOWN_PERCENT}) >= wanted:
            return None if frame <= first + 1 else round(frame / scenario.fps, 2)
    return math.inf


def _place(item: Happening, objects: Sequence[TruthObject], scenario: Scenario,
           size: tuple[int, int]) -> tuple[float, float, float, float] | None:  # fmt: skip
    """Union of the boxes of what makes an incident up, over its time; None when never seen."""
    first = int(item.begin_s * scenario.fps)
    last = int((item.end_s if item.end_s is not None else scenario.duration_s) * scenario.fps)
    corners = [
        row[1:5]
        for thing in objects
        if thing.actor in item.things and thing.label != "carried_bag"
        for row in thing.rows
        if first - 1 <= row[0] <= last and row[5] > 0
    ]
    corners += [
        at[:4]
        for thing in objects
        if thing.actor in item.things and (at := thing.at(first + 1)) is not None
    ]
    if not corners:
        return None
    cloud = np.array(corners)
    width, height = size
    left, top = max(cloud[:, 0].min() / width, 0), max(cloud[:, 1].min() / height, 0)
    right, bottom = min(cloud[:, 2].max() / width, 1), min(cloud[:, 3].max() / height, 1)
    if right <= left or bottom <= top:
        return None
    return (
        round(float(left), 4),
        round(float(top), 4),
        round(float(right), 4),
        round(float(bottom), 4),
    )
