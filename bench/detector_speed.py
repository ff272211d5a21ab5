"""`skygrid bench detector`: pictures per second on one core, ours against Ultralytics' predict.

Method: one process pinned to one core, all libraries at one thread. A round runs every variant
on the same pictures, one picture at a time for Ultralytics as its predict does, in turn; the
ratio is taken within a round, and medians over the rounds are reported. Time is CPU time of the
process, so that what else the machine does weighs little; wall time is reported beside it. All
variants get the same full-size pictures and answer boxes in their pixels: letterbox, inference,
decoding and suppression are inside.

Ultralytics runs (a) the very same OpenVINO file, with the input that it wants, and (b), where the
weight has a `.pt`, the file that its own export makes of it with default settings.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

FRAME_SIZE = (1920, 1080)
TIMEOUT_S = 1800.0
OURS = "SkyGrid Detector port"
CHUNK = 4
"""Pictures a round."""

Variant = Callable[[Sequence[Any]], int]
"""Detects in some pictures and answers how many boxes it found."""


def run(
    weights: str = "patrol11n",
    *,
    input_size: tuple[int, int] = (384, 640),
    rounds: int = 25,
    pictures: Path | None = None,
    own_export: bool = True,
    json_file: Path | None = None,
    show: bool = True,
) -> dict[str, Any]:
    """Measure in a fresh process on one core and print the table.

    Args:
        weights: shipped name or weight directory with an OpenVINO file.
        input_size: (height, width) of the network's input.
        rounds: pairs to take the median of.
        pictures: directory of pictures or clips; default SKYGRID_FOOTAGE, else the sample clips.
        own_export: also compare with Ultralytics' own default export of the weight's `.pt`.
        json_file: where the result goes as JSON.

    Returns:
        {"weights", "input_size", "pictures", "rounds", "variants": {name: {"cpu_ms", "wall_ms",
        "per_core_s", "boxes"}}, "ratios": {name: …}} where a ratio is pictures per second of
        ours over that variant's, the median within rounds.
    """
    command = [sys.executable, "-m", "bench.detector_speed", "--weights", weights]
    command += ["--size", *map(str, input_size), "--rounds", str(rounds)]
    command += ["--pictures", str(pictures)] if pictures else []
    command += ["--own-export"] if own_export else []
    single = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    root = Path(__file__).parents[1]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        cwd=root,
        check=False,
        env={**os.environ, **single, "YOLO_OFFLINE": "true", "PYTHONPATH": str(root)},
    )
    if done.returncode:
        raise RuntimeError(f"the measuring process failed:\n{done.stderr[-3000:]}")
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if json_file:
        json_file.parent.mkdir(parents=True, exist_ok=True)
        json_file.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    if show:
        print_report(report)
    return report


def print_report(report: dict[str, Any], console: Console | None = None) -> None:
    """The variants as a table, ours first."""
    height, width = report["input_size"]
    table = Table(
        title=f"{report['weights']} at {height}x{width}, one core, {report['pictures']} pictures "
        f"of 1920x1080, median of {report['rounds']} rounds",
        title_justify="left",
    )
    for name in ("variant", "CPU ms", "wall ms", "pictures/s and core", "boxes", "ours is faster"):
        table.add_column(name, justify="left" if name == "variant" else "right")
    for name, row in report["variants"].items():
        ratio = report["ratios"].get(name)
        table.add_row(
            name,
            f"{row['cpu_ms']:.1f}",
            f"{row['wall_ms']:.1f}",
            f"{row['per_core_s']:.1f}",
            str(row["boxes"]),
            f"{ratio:.2f}x" if ratio else "",
        )
    (console or Console()).print(table)


def summary(
    cpu_ms: dict[str, list[float]], wall_ms: dict[str, list[float]]
) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
    """Medians per variant, and the median over rounds of each variant's time over ours.

    Args:
        cpu_ms: by variant, milliseconds a picture in each round; ours is named `OURS`.
        wall_ms: the same in wall time.
    """
    rows = {
        name: {
            "cpu_ms": round(statistics.median(times), 3),
            "wall_ms": round(statistics.median(wall_ms[name]), 3),
            "per_core_s": round(1000 / statistics.median(times), 2),
        }
        for name, times in cpu_ms.items()
    }
    ratios = {
        name: round(statistics.median(t / o for t, o in zip(times, cpu_ms[OURS], strict=True)), 3)
        for name, times in cpu_ms.items()
        if name != OURS
    }
    return rows, ratios


def _measure(arguments: argparse.Namespace) -> dict[str, Any]:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    from bench.detector_speed_peers import ultralytics_own_export, ultralytics_same_file
    from models.load import load_detector
    from models.settings import DetectorSettings

    images = _pictures(arguments.pictures)
    size: tuple[int, int] = tuple(arguments.size)
    settings = DetectorSettings(
        weights=arguments.weights, backend="openvino", input_size=size, threads=1
    )
    detector = load_detector(settings)
    with tempfile.TemporaryDirectory() as folder:
        variants: dict[str, Variant] = {
            OURS: lambda some: sum(len(found) for found in detector.detect(some)),
            "Ultralytics predict, same OpenVINO file": ultralytics_same_file(
                settings, Path(folder)
            ),
        }
        if arguments.own_export:
            own = ultralytics_own_export(settings, Path(folder))
            variants |= {"Ultralytics predict, its own default export": own} if own else {}
        boxes = {name: work(images) for name, work in variants.items()}
        cpu, wall = _rounds(variants, arguments.rounds, images)
    rows, ratios = summary(cpu, wall)
    return {
        "weights": detector.model_id,
        "input_size": list(size),
        "pictures": len(images),
        "rounds": arguments.rounds,
        "variants": {name: {**row, "boxes": boxes[name]} for name, row in rows.items()},
        "ratios": ratios,
    }


def _rounds(
    variants: dict[str, Variant], rounds: int, images: Sequence[Any]
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Times a picture; a round is a few pictures, so that its variants meet the same machine."""
    cpu: dict[str, list[float]] = {name: [] for name in variants}
    wall: dict[str, list[float]] = {name: [] for name in variants}
    for turn in range(rounds):
        some = [images[(turn * CHUNK + i) % len(images)] for i in range(CHUNK)]
        for name in sorted(variants, reverse=bool(turn % 2)):
            began_cpu, began = time.process_time(), time.perf_counter()
            variants[name](some)
            cpu[name].append((time.process_time() - began_cpu) * 1000 / CHUNK)
            wall[name].append((time.perf_counter() - began) * 1000 / CHUNK)
    return cpu, wall


def _pictures(directory: str | None, count: int = 20) -> Sequence[Any]:
    """Pictures of 1920 x 1080 from clips or pictures, evenly over the files."""
    import cv2

    cv2.setNumThreads(1)
    root = Path(__file__).parents[1]
    shared = os.environ.get("SKYGRID_FOOTAGE", str(root.parent / "shared" / "footage"))
    for place in [Path(directory)] if directory else [Path(shared), root / "sample_videos/clips"]:
        files = [p for p in sorted(place.rglob("*")) if p.suffix in (".mp4", ".webp", ".jpg")]
        if files:
            break
    else:
        raise FileNotFoundError("pictures must be a directory of clips or pictures; none was found")
    frames = [frame for path in files for frame in _frames(path, -(-2 * count // len(files)))]
    if not frames:
        raise FileNotFoundError(f"pictures must be clips or pictures that decode, none in {place}")
    step = max(1, len(frames) // count)
    return [cv2.resize(frame, FRAME_SIZE) for frame in frames[::step][:count]]


def _frames(path: Path, count: int) -> list[Any]:
    """The first frame of a file and some at every second after it."""
    import cv2

    capture = cv2.VideoCapture(str(path))
    frames = []
    for turn in range(count):
        capture.set(cv2.CAP_PROP_POS_MSEC, 1000 * turn)
        read, frame = capture.read()
        if not read:
            break
        frames.append(frame)
    capture.release()
    return frames


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", default="patrol11n")
    parser.add_argument("--size", nargs=2, type=int, default=[384, 640])
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--pictures")
    parser.add_argument("--own-export", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    sys.stdout.write("\n" + json.dumps(_measure(_parse())) + "\n")
