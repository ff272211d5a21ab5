"""Quiet days on a painted clip: every alarm counts as false, and a broken-off run goes on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from builders.fake_detector import ColourDetector

from bench.incidents.command import earlier_quiet
from bench.incidents.errors import BenchError
from bench.incidents.quiet import QuietOptions, Watcher, run_quiet
from bench.incidents.quiet_result import MIDNIGHT
from pipeline.engine.watch import Count
from pipeline.types import CrowdCount
from pipeline.zones import Zone
from sample_videos.encode import ClipWriter
from sample_videos.errors import SampleError
from sample_videos.quiet import FORM, QUIET_CLIPS, FootageDay, quiet_view
from sample_videos.scenario import Conditions
from sample_videos.weather import DayWeather
from streams.types import Frame

PINK = (200, 60, 220)
NIGHTLY_PINK = (61, 26, 87)
"""As the lamps of midnight show it."""
GREY = 110


def clip(folder: Path, *, heap: bool) -> Path:
    """A grey street, with something pink lying on it."""
    image = np.full((120, 160, 3), GREY, np.uint8)
    if heap:
        image[80:100, 60:90] = PINK
    target = folder / "road-overhead-360p.mp4"
    with ClipWriter(target, (160, 120), 5, Conditions(crf=10)) as writer:
        for _ in range(10):
            writer.write(image)
    return folder


def nobody(shot: object, zones: object, found: object) -> tuple[CrowdCount, ...]:
    return ()


def watch(place: Path, out: Path, count: Count = nobody, **options: object) -> dict[str, object]:
    out.mkdir(exist_ok=True)
    detector = ColourDetector({"garbage": NIGHTLY_PINK, "person": (0, 255, 0)})
    chosen = QuietOptions(1, 30.0, until_s=1200.0, piece_s=300.0, **options)
    return run_quiet(Watcher(detector, count), (None, place), out, chosen)


def test_what_lies_there_is_a_false_alarm_and_an_empty_street_has_none(tmp_path):
    found = {}
    for heap in (True, False):
        place = tmp_path / f"place-{heap}"
        place.mkdir()
        found[heap] = watch(clip(place, heap=heap), tmp_path / f"out-{heap}")
    assert found[False]["all"]["false_alarms"] == 0
    assert found[False]["all"]["camera_days"] == pytest.approx(1200 / 86400)
    low, high = found[False]["all"]["interval"]
    assert (low, high) == (0.0, pytest.approx(265.6, abs=0.1))
    assert found[True]["by_type"] == {"garbage": found[True]["all"]["false_alarms"]}
    assert found[True]["all"]["false_alarms"] >= 1
    assert found[True]["by_kind"].keys() == {"footage"}
    (place,) = found[True]["by_place"].values()
    assert place == found[True]["all"]
    page = (tmp_path / "out-True" / "quiet.html").read_text()
    assert "data:image/jpeg;base64,/9j" in page


def test_what_is_suspected_is_looked_at_and_the_looks_are_no_longer_time(tmp_path):
    empty, suspected = tmp_path / "empty", tmp_path / "suspected"
    seen = {}
    for place in (empty, suspected):
        place.mkdir()
        clip(place, heap=place is suspected)
        seen[place] = watch(place, tmp_path / f"out-{place.name}")["all"]
    assert seen[empty]["in_looks"] == 0
    assert seen[empty]["pictures"] == 1200 / 30
    assert seen[suspected]["in_looks"] > 0
    assert seen[suspected]["pictures"] > 1200 / 30
    assert seen[suspected]["camera_days"] == seen[empty]["camera_days"]


def test_people_are_counted_as_the_patrol_counts_them(tmp_path):
    def many(shot: object, zones: Sequence[Zone], found: object) -> tuple[CrowdCount, ...]:
        return tuple(CrowdCount(zone.id, 40.0, "density") for zone in zones)

    place = clip(tmp_path, heap=False)
    assert watch(place, tmp_path / "out", many)["by_type"] == {"crowding": 1}
    assert watch(place, tmp_path / "none")["by_type"] == {}


def test_what_was_rejected_is_not_raised_again_where_it_is_little_above_the_limit(tmp_path):
    def sometimes(shot: Frame, zones: Sequence[Zone], found: object) -> tuple[CrowdCount, ...]:
        t_s = shot.timestamp_s - MIDNIGHT.timestamp()
        many = 16.0 if t_s < 100 or t_s > 900 else 1.0
        return tuple(CrowdCount(zone.id, many, "density") for zone in zones)

    place = clip(tmp_path, heap=False)
    found = watch(place, tmp_path / "out", sometimes, rejected_after_s=60.0)
    assert found["by_type"] == {"crowding": 2}
    assert found["rejected"]["by_type"] == {"crowding": 1}
    assert found["rejected"]["all"]["camera_days"] == found["all"]["camera_days"]
    late = watch(place, tmp_path / "late", sometimes, rejected_after_s=2000.0)
    assert late["rejected"]["by_type"] == late["by_type"] == {"crowding": 2}
    page = (tmp_path / "out" / "quiet.html").read_text()
    assert "alarms rejected after 1 min" in page


def test_broken_off_day_goes_on_and_gives_the_same(tmp_path):
    place = clip(tmp_path, heap=True)
    out = tmp_path / "out"
    nothing = watch(place, out, most_s=-1.0)
    assert nothing["all"]["camera_days"] == 0
    assert nothing["all"]["interval"] == [0.0, None]
    whole = watch(place, out)
    pieces = sorted(out.rglob("piece-*.json"))
    assert [path.name for path in pieces] == [f"piece-{n:02d}.json" for n in range(4)] * 2
    for lost in (*pieces[2:4], *pieces[5:]):
        lost.unlink()
    again = watch(place, out)
    assert again["alarms"] == whole["alarms"]
    assert again["rejected"]["by_day"] == whole["rejected"]["by_day"]
    stored = json.loads((out / "quiet.json").read_text())["alarms"]
    assert [a["alarm_id"] for a in stored] == [a["alarm_id"] for a in whole["alarms"]]


def test_judged_again_nothing_is_detected_anew(tmp_path, monkeypatch):
    place, out = clip(tmp_path, heap=True), tmp_path / "out"
    whole = watch(place, out)

    def never(self: object, images: object) -> None:
        raise AssertionError("detections were kept")

    monkeypatch.setattr(ColourDetector, "detect", never)
    monkeypatch.setattr("bench.incidents.quiet.commit", lambda: "another")
    assert watch(place, out, again=True)["alarms"] == whole["alarms"]


def test_equal_contents_are_equal_pictures(tmp_path):
    day = FootageDay(
        clip(tmp_path, heap=True) / "road-overhead-360p.mp4", 3, 15, watches_vending=True
    )
    seen: dict[object, bytes] = {}
    for t_s in range(0, 3600, 10):
        shown = day.picture(float(t_s)).tobytes()
        assert seen.setdefault(day.content(float(t_s)), shown) == shown
    assert 2 < len(seen) <= 10 * 2


def test_footage_plays_on_and_goes_elsewhere_after_a_while(tmp_path):
    day = FootageDay(
        clip(tmp_path, heap=False) / "road-overhead-360p.mp4", 1, 15, watches_vending=True
    )
    numbers = [day.content(240.0 + 0.2 * n)[1] for n in range(600)]
    steps = np.abs(np.diff(numbers))
    assert steps.max() == 1, "five pictures a second, one after the other, back and forth"
    starts = {day.content(120.0 * slot)[1] for slot in range(40)}
    assert len(starts) > 4


def test_noon_is_brighter_than_midnight():
    grey = np.full((48, 64, 3), GREY, np.uint8)
    weather = DayWeather(1, (64, 48), 1800.0)
    night, noon = (weather.over(grey, h * 3600.0) for h in (0, 12))
    assert noon.mean() > 1.8 * night.mean()


def test_rain_falls_and_dry_light_stands_still():
    weather = DayWeather(1, (64, 48), 600.0)
    rainy = next(t for t in range(300, 86400, 600) if weather.is_raining(t))
    dry = next(t for t in range(300, 86400, 600) if not weather.is_raining(t))
    grey = np.full((48, 64, 3), GREY, np.uint8)
    for t_s, stands_still in ((rainy, False), (dry, True)):
        now, later = (weather.over(grey, t_s + more) for more in (0.0, 0.2))
        assert np.array_equal(now, later) == stands_still
        assert (weather.moment(t_s) == weather.moment(t_s + 0.2)) == stands_still


def test_without_places_it_says_so(tmp_path):
    with pytest.raises(SampleError, match="found neither"):
        quiet_view(0, None, tmp_path)


@pytest.mark.parametrize("watched", [True, False])
def test_street_vending_is_left_out_where_it_is_lawful(tmp_path, watched):
    path = clip(tmp_path, heap=False) / "road-overhead-360p.mp4"
    types = {rule["type"] for rule in FootageDay(path, 1, 15, watched).rules}
    assert ("street_vending" in types) == watched
    assert types >= {"garbage", "overflowing_bin", "crowding"}


def test_only_the_mall_with_its_kiosk_is_not_watched_for_vending():
    assert [name for name, _, watched in QUIET_CLIPS if not watched] == ["mall-a/video.mp4"]


def test_other_days_are_no_earlier_run(tmp_path):
    path = tmp_path / "quiet.json"
    path.write_text(json.dumps({"form": FORM - 1, "glance_s": 10.0, "by_day": {}}))
    with pytest.raises(BenchError, match=f"form {FORM} at glances of 10 s, got form {FORM - 1}"):
        earlier_quiet(path, 10.0)
    for broken in ("{", "[]"):
        path.write_text(broken)
        with pytest.raises(BenchError, match="cannot be read"):
            earlier_quiet(path, 10.0)
