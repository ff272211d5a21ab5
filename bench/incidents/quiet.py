"""False alarms over simulated camera-days before real streets, where nothing is wrong."""

from __future__ import annotations

import base64
import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from bench.incidents.alarms import Alarm, alarms_of
from bench.incidents.intervals import poisson_rate
from models.detector import Detector
from pipeline.confirm import Origin
from pipeline.types import Sighting, ViewKey
from pipeline.view_pipeline import ViewPipeline, ViewPlan
from pipeline.zones import Zone
from sample_videos.pictures import Pictures
from sample_videos.quiet import DAY_S, QuietPictures
from streams.types import Frame, ImageArray

MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
_KEEP_SHARE = 0.6
_STREET = [[0.02, 0.45], [0.98, 0.45], [0.98, 0.98], [0.02, 0.98]]
RULES = (
    {"type": "street_vending"},
    {"type": "garbage"},
    {"type": "overflowing_bin"},
    {"type": "crowding", "people": 15},
)
"""With their default dwell and thresholds, as a site would have them."""


@dataclass(frozen=True, slots=True)
class QuietOptions:
    """How much to simulate.

    Attributes:
        days: Camera-days; each has a street of its own as long as there are streets.
        glance_s: Seconds between pictures.
        hours: From and to, of each day.
        first: Seed of the first day.
    """

    days: int = 10
    glance_s: float = 10.0
    hours: tuple[float, float] = (0.0, 24.0)
    first: int = 0


Progress = Callable[[str, int, int], None]


def run_quiet(detector: Detector, data: Path, out: Path, options: QuietOptions | None = None,
              progress: Progress | None = None) -> dict[str, Any]:  # fmt: skip
    """Watch simulated days and count what is raised; everything raised is a false alarm.

    Writes `quiet.json` and `quiet.html` into `out`.

    Args:
        detector: The weight to measure.
        data: Root of the annotated pictures, for the streets.
        out: Folder for the results.
        options: How much.
        progress: Called with what is done, pictures done, pictures in all.
    """
    options = options or QuietOptions()
    pictures = Pictures(data)
    seconds = (options.hours[1] - options.hours[0]) * 3600
    steps = int(seconds / options.glance_s)
    raised: list[tuple[int, Alarm, ImageArray]] = []
    began, done = time.process_time(), 0
    for seed in range(options.first, options.first + options.days):
        watch = _Watch(detector, seed)
        street = QuietPictures(pictures, seed)
        for step in range(steps):
            t_s = options.hours[0] * 3600 + step * options.glance_s
            watch.glance(street.picture(t_s), t_s)
            done += 1
            if progress is not None and done % 100 == 0:
                progress(f"day {seed}", done, steps * options.days)
        raised += [(seed, alarm, watch.shown[alarm.alarm_id]) for alarm in watch.alarms()]
    days = options.days * seconds / DAY_S
    result = _result(raised, days, detector.model_id, options)
    result["cpu_s_per_camera_hour_with_drawing"] = (time.process_time() - began) / (days * 24)
    out.mkdir(parents=True, exist_ok=True)
    (out / "quiet.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    (out / "quiet.html").write_text(_page(result, raised), encoding="utf-8")
    return result


class _Watch:
    """One view over one day."""

    def __init__(self, detector: Detector, seed: int) -> None:
        zone = Zone.model_validate({"id": "street", "polygon": _STREET, "rules": RULES})
        origin = Origin("quiet", ViewKey(f"day-{seed}"), detector.model_id)
        self._detector = detector
        self._pipeline = ViewPipeline(ViewPlan(origin, (zone,), detector.labels))
        self._sightings: list[Sighting] = []
        self.shown: dict[str, ImageArray] = {}

    def glance(self, image: ImageArray, t_s: float) -> None:
        found = self._detector.detect([image])[0]
        bars = [self._detector.thresholds.get(n, 0.0) * _KEEP_SHARE for n in self._detector.labels]
        kept = [i for i, c in enumerate(found.class_id) if found.confidence[i] >= bars[c]]
        now_s = MIDNIGHT.timestamp() + t_s
        frame = Frame("quiet", now_s, datetime.fromtimestamp(now_s, UTC), image)
        judgement = self._pipeline.judge(frame, found.where(np.asarray(kept, np.intp)))
        self._sightings += judgement.sightings
        for sighting in judgement.sightings:
            self.shown.setdefault(str(sighting.sighting_id), image)

    def alarms(self) -> list[Alarm]:
        return alarms_of(self._sightings, MIDNIGHT.timestamp())


def _result(raised: list[tuple[int, Alarm, ImageArray]], days: float, model_id: str,
            options: QuietOptions) -> dict[str, Any]:  # fmt: skip
    counts = Counter(alarm.type for _, alarm, _ in raised)
    low, high = poisson_rate(len(raised), days)
    return {
        "model": model_id,
        "camera_days": days,
        "glance_s": options.glance_s,
        "false_alarms": len(raised),
        "false_per_day": len(raised) / days,
        "interval": [low, high],
        "by_type": {r["type"]: counts.get(str(r["type"]), 0) for r in RULES},
        "alarms": [{"day": day, **alarm.to_json()} for day, alarm, _ in raised],
    }


def _page(result: dict[str, Any], raised: list[tuple[int, Alarm, ImageArray]]) -> str:
    cards = []
    for day, alarm, image in raised[:100]:
        height, width = image.shape[:2]
        left, top, right, bottom = alarm.box_norm
        drawn = image.copy()
        corner = (round(right * width), round(bottom * height))
        cv2.rectangle(drawn, (round(left * width), round(top * height)), corner, (0, 0, 255), 2)
        data = cv2.imencode(".jpg", cv2.resize(drawn, (320, 240)))[1].tobytes()
        source = base64.b64encode(data).decode()
        hour = alarm.raised_s / 3600
        cards.append(
            f"<figure><img src='data:image/jpeg;base64,{source}'><figcaption>{alarm.type}, "
            f"day {day}, {int(hour):02d}:{int(hour % 1 * 60):02d}, {alarm.confidence:.2f}"
            "</figcaption></figure>"
        )
    low, high = result["interval"]
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>Quiet days</title>"
        "<style>figure{display:inline-block;margin:.5rem}</style><h1>Quiet days</h1>"
        f"<p>{result['model']}: {result['false_alarms']} false alarms in "
        f"{result['camera_days']:.2f} camera-days, one picture every {result['glance_s']:g} s: "
        f"{result['false_per_day']:.3g} per camera-day (95 %: {low:.3g} to {high:.3g}).</p>"
        + "".join(cards)
        + "</html>"
    )
