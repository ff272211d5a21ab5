"""`skygrid bench speed`: rounds of pairs, medians, a table, a picture and JSON."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

from bench.errors import SpeedError
from bench.machine import machine
from bench.speed.child import Child, Measured
from bench.speed.delay import delay_to_queue
from bench.speed.footage import OTHER_SHAPES, STREAM_FPS, StreamShape, make_stream
from bench.speed.hold import Held, most_held
from bench.speed.page import write_page
from bench.speed.picture import draw
from bench.speed.recall import recall_by_variant
from bench.speed.serving import serving
from bench.speed.stages import STAGES
from bench.speed.variants import (
    ATTENTION_OFF,
    PATROL,
    SLOW_PATROL,
    UNCOMPARED,
    VARIANTS,
    Setting,
    Variant,
)

_SETTLE_S, _FIRST_LOOKS_S, _LONGEST_SETTLE_S = 20.0, 90.0, 420.0
"""Between a variant being ready and its window: for connections and caches; for a patrol longer
than a dwell of its rules, at whose end what stands there is looked at; at most until it is calm."""

_CALM_STRETCH, _CALM_S, _CALM_SAMPLES = 1.02, 5.0, 4
"""Stretch that counts as none, time between samples, and how many calm ones in a row it takes."""


@dataclass(frozen=True, slots=True)
class SpeedBench:
    """What to measure.

    Attributes:
        out: Folder for the stream, logs, JSON and picture.
        source: Clip that the stream is made of.
        weights: Name or directory of the weight.
        rounds: Each measures all that is compared once, one after the other, in a turning order;
            the patrol at 10 s, and with other cameras, has as many windows in one process.
        window_s: Length of one measurement, a multiple of the glance periods.
        recall: Also look at rendered scenarios in each variant's way.
        growth: Also measure the patrol at these numbers of cameras, glance 10 s.
        delays: Rounds in which the time from a happening to the queue is taken.
        hold_s: Also search the most cameras that it holds so long, glance 2 s; 0: not.
        shape: What the cameras send.
        other_shapes: What other cameras send; the patrol at 2 s is measured with them too.
    """

    out: Path
    source: Path
    weights: str = "patrol11n"
    rounds: int = 5
    window_s: float = 20.0
    recall: bool = True
    growth: tuple[int, ...] = (10, 30, 60, 100)
    delays: int = 4
    hold_s: float = 300.0
    shape: StreamShape = field(default_factory=StreamShape)
    other_shapes: tuple[StreamShape, ...] = OTHER_SHAPES


Say = Callable[[str], None]


def run(wanted: SpeedBench, say: Say) -> dict[str, Any]:
    """Measure; writes `speed.json`, `.md` and `.png` into the folder, and returns the figures.

    Raises:
        SpeedError: A measured process ended.
    """
    report: dict[str, Any] = {"growth": [], "shapes": [], "delay": None, "held": [], "recall": {}}
    found: dict[str, list[Measured]] = {variant.name: [] for variant in VARIANTS}
    say("making the stream")
    clip = _stream(wanted, wanted.shape)
    report["left_out"] = left_out()
    compared = [v for v in VARIANTS if v is not SLOW_PATROL and v.name not in report["left_out"]]
    for number in range(wanted.rounds):
        turn = number % len(compared)
        for variant in (*compared[turn:], *compared[:turn]):
            say(f"round {number + 1} of {wanted.rounds}: {variant.name}")
            report["server"], (measured,) = _measure(variant, variant.cameras, clip, wanted)
            found[variant.name].append(measured)
        _save(wanted, found, report)
    say(SLOW_PATROL.name)  # compared with none: its windows follow one another
    _, slow = _measure(SLOW_PATROL, SLOW_PATROL.cameras, clip, wanted, wanted.rounds)
    found[SLOW_PATROL.name] = slow
    _save(wanted, found, report)
    for cameras in wanted.growth:
        say(f"growth: {cameras} cameras")
        try:
            _, windows = _measure(SLOW_PATROL, cameras, clip, wanted, wanted.rounds)
        except SpeedError as error:  # more than the machine carries is a result too
            say(f"{cameras} cameras: {error}")
            break
        report["growth"].append(_row(SLOW_PATROL, cameras, windows))
        _save(wanted, found, report)
    for shape in wanted.other_shapes:
        say(f"other cameras: {shape.name}")
        stream = _stream(wanted, shape)
        _, windows = _measure(PATROL, PATROL.cameras, stream, wanted, wanted.rounds)
        report["shapes"].append({"stream": shape.name, **_row(PATROL, PATROL.cameras, windows)})
        _save(wanted, found, report)
    if wanted.delays:
        say("from the happening to the queue")
        log = _log(wanted, "delay")
        report["delay"] = delay_to_queue(wanted.delays, wanted.weights, log)
        _save(wanted, found, report)
    if wanted.hold_s:
        report["held"] = _hold(wanted, found, clip, say)
    if wanted.recall:
        seen = [v for v in VARIANTS if v.name not in report["left_out"]]
        report["recall"] = recall_by_variant(wanted.weights, wanted.out, seen, say)
    return _save(wanted, found, report)


def left_out() -> dict[str, str]:
    """What is not compared here, and why."""
    missing = {
        variant.name: f"{variant.needs} is not installed"
        for variant in VARIANTS
        if variant.needs and not (shutil.which(variant.needs) or find_spec(variant.needs))
    }
    return {**missing, **UNCOMPARED}


def _hold(
    wanted: SpeedBench, found: dict[str, list[Measured]], clip: Path, say: Say
) -> list[dict[str, Any]]:
    """The tries at holding as many cameras as the rounds let hope for."""
    hope = _row(PATROL, PATROL.cameras, found[PATROL.name])["cameras_per_core"]
    cores = len(os.sched_getaffinity(0))

    def try_with(cameras: int) -> Held:
        say(f"holding {cameras} cameras for {wanted.hold_s:.0f} s")
        longer = replace(wanted, window_s=wanted.hold_s)
        _, (measured,) = _measure(PATROL, cameras, clip, longer)
        return Held.of(cameras, measured)

    return [asdict(held) for held in most_held(round(cores * hope), try_with)]


def _stream(wanted: SpeedBench, shape: StreamShape) -> Path:
    return make_stream(wanted.source, wanted.out / "streams", shape)


def _save(
    wanted: SpeedBench, found: dict[str, list[Measured]], known: dict[str, Any]
) -> dict[str, Any]:
    """Write what is known so far: a long run that is broken off leaves its figures."""
    rest = {k: v for k, v in known.items() if k not in ("server", "recall", "left_out")}
    report = {
        "about": {
            **_about(wanted, known.get("server", "")),
            "left_out": known.get("left_out", {}),
        },
        "variants": [
            {
                **_row(variant, variant.cameras, found[variant.name]),
                "ratio": None if variant is SLOW_PATROL else _ratio(found, variant),
                "recall": known["recall"].get(variant.name),
            }
            for variant in VARIANTS
            if found[variant.name]
        ],
        **rest,
    }
    (wanted.out / "speed.json").write_text(json.dumps(report, indent=1), "utf-8")
    draw(report, wanted.out / "speed.png")
    write_page(report, wanted.out / "speed.md")
    return report


def _measure(
    variant: Variant, cameras: int, clip: Path, wanted: SpeedBench, windows: int = 1
) -> tuple[str, list[Measured]]:
    """The server's name and windows, on a server and in a process of its own."""
    log = _log(wanted, variant.name)
    with (
        tempfile.TemporaryDirectory(prefix="skygrid-speed-") as folder,
        serving(clip) as (url, server),
        Child(variant.command(Setting(url, wanted.weights, Path(folder)), cameras), log) as child,
    ):
        _settle(child)
        return server, [child.measure(wanted.window_s) for _ in range(windows)]


def _settle(child: Child, clock: Callable[[], float] = time.monotonic) -> None:
    """Wait until a patrol is calm: no look runs or waits, and no period is stretched.

    A patrol that starts finds something new at every camera at once; days later it does not. If it
    never becomes calm, the row shows a stretch, looks, or fewer glances than are due.
    """
    began_s, calm = clock(), 0
    level = child.measure(_SETTLE_S).levels
    while "looks_now" in level:
        waited_s = clock() - began_s
        is_calm = not level["looks_now"] and level["stretch_now"] <= _CALM_STRETCH
        calm = calm + 1 if is_calm else 0
        is_settled = waited_s >= _FIRST_LOOKS_S and calm >= _CALM_SAMPLES
        if is_settled or waited_s >= _LONGEST_SETTLE_S:
            return
        level = child.measure(_CALM_S).levels


def _log(wanted: SpeedBench, name: str) -> Path:
    folder = wanted.out / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{name.replace(' ', '-').replace(',', '')}.log"


def _row(variant: Variant, cameras: int, measured: Sequence[Measured]) -> dict[str, Any]:
    """Medians over the rounds; CPU in percent of one core for each camera."""

    def middle(of: Callable[[Measured], float]) -> float:
        return round(median(of(m) for m in measured), 4)

    share = middle(lambda m: 100 * m.cpu_s / m.wall_s / cameras)
    analysed = middle(lambda m: m.counters.get("analysed", 0.0) / m.wall_s / cameras)
    own = [m for m in measured if "ring_mib_now" in m.levels]
    return {
        "name": variant.name,
        "cameras": cameras,
        "cpu_percent_per_camera": share,
        "cameras_per_core": round(100 / share, 1) if share else None,
        "analysed_per_s": analysed,
        "share_of_due": middle(lambda m: _held(replace(variant, cameras=cameras), m)),
        "longest_stretch": max((m.levels.get("stretch_now", 1.0) for m in measured), default=1.0),
        "unchanged_share": _share_unchanged(own),
        "packets_lost": middle(lambda m: _lost(m, cameras)) if own else None,
        "own_mib_per_camera": middle(lambda m: m.own_mib / cameras),
        "mib_per_camera_beyond_ring": round(median(_beyond(m, cameras) for m in own), 1)
        if own
        else None,
        "stages_percent": _stages(own, share, cameras) if own else {"all": share},
        "rounds_percent": [round(100 * m.cpu_s / m.wall_s / cameras, 3) for m in measured],
    }


def _stages(own: Sequence[Measured], share: float, cameras: int) -> dict[str, float]:
    """Percent of a core for each camera; what no stage claims is "other"."""
    found = {stage: _stage(own, stage, cameras) for stage in STAGES}
    found["other"] = round(max(0.0, share - sum(found.values()) + found["other"]), 4)
    return found


def _stage(own: Sequence[Measured], stage: str, cameras: int) -> float:
    """Median percent of a core for each camera."""
    shares = [100 * m.counters.get(f"cpu_{stage}", 0.0) / m.wall_s / cameras for m in own]
    return round(median(shares), 4)


def _beyond(measured: Measured, cameras: int) -> float:
    level = measured.levels
    return (measured.own_mib - level["base_mib_now"] - level["ring_mib_now"]) / cameras


def _lost(measured: Measured, cameras: int) -> float:
    """Share of the packets that were sent and not received; a window's rims blur it by a burst."""
    sent = STREAM_FPS * measured.wall_s * cameras
    return max(0.0, 1 - measured.counters.get("packets", 0.0) / sent)


def _share_unchanged(own: Sequence[Measured]) -> float | None:
    glances = sum(m.counters["analysed"] for m in own)
    return round(sum(m.counters["unchanged"] for m in own) / glances, 3) if glances else None


def _ratio(found: dict[str, list[Measured]], variant: Variant) -> float:
    """Median over the rounds of the CPU it needs per camera over the patrol's in the same round."""
    rounds = zip(found[variant.name], found[PATROL.name], found[ATTENTION_OFF.name], strict=True)
    quotients = []
    for measured, patrol, off in rounds:
        decoding = sum(off.counters.get(f"cpu_{stage}", 0.0) for stage in ("demux", "decode"))
        decoding_share = 100 * decoding / off.wall_s / ATTENTION_OFF.cameras
        needed = _needed(variant, measured, decoding_share)
        quotients.append(needed / _needed(PATROL, patrol, 0.0))
    return round(median(quotients), 2)


def _needed(variant: Variant, measured: Measured, decoding: float) -> float:
    """Percent of a core per camera, had it analysed all that was due.

    What falls behind is short of cores, not cheap. Its CPU is scaled up, but for the decoding of
    every frame, which it had done.
    """
    share = 100 * measured.cpu_s / measured.wall_s / variant.cameras
    fixed = min(share, decoding) if variant.decodes_all else 0.0
    held = min(1.0, _held(variant, measured))
    if not held:
        raise SpeedError(f"{variant.name} must analyse some picture in a window, it did none")
    return fixed + (share - fixed) / held


def _held(variant: Variant, measured: Measured) -> float:
    """Share of the due pictures that were analysed."""
    due = 1 / variant.period_s if variant.period_s else STREAM_FPS
    return measured.counters.get(variant.counts, 0.0) / measured.wall_s / variant.cameras / due


def _about(wanted: SpeedBench, server: str) -> dict[str, Any]:
    shape = wanted.shape
    return {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "load": [round(value, 2) for value in os.getloadavg()],
        "server": server,
        "stream": f"{shape.name}, of {wanted.source.name}",
        "weights": wanted.weights,
        "rounds": wanted.rounds,
        "window_s": wanted.window_s,
        "method": "CPU of the process and its children from /proc, user and system; the RTSP "
        "server runs elsewhere. Rounds measure every variant once, but for the patrol at 10 s and "
        "with other cameras, whose windows follow one another; ratios are medians over the rounds "
        "of the quotient within a round. A patrol is measured when its first looks, 90 s at least "
        "and 420 s at most after its start, are over. A variant that analyses less than is "
        "due has its CPU, less the decoding of every frame, divided by the share that it held.",
    }
