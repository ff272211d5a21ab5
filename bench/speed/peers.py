"""The peers, each as favourable as its own documentation writes it; `python -m bench.speed.peers`.

    opencv      VideoCapture per camera in a thread (grab every frame, retrieve the due ones),
                Ultralytics predict at the glance rate
    ultralytics YOLO(...).track(source=streams, stream=True): every frame
    frigate     ffmpeg per camera to 5 fps at the detector's width, motion gate on a 100-line grey
                picture against a running average, detection of pictures with motion: the loop of
                Frigate's documentation, with the patrol's own detector

All use the shipped weight's INT8 file for OpenVINO.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from bench.speed.child import Counters, answer
from bench.speed.peer_sight import FRIGATE_FPS, FRIGATE_SIZE, MotionGate


class _Tally:
    """Analysed pictures of all threads."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def add(self, name: str, value: float = 1.0) -> None:
        with self._lock:
            self._counts[name] += value  # type: ignore[assignment]

    def read(self) -> Counters:
        with self._lock:
            return dict(self._counts)


def _wait_for(tally: _Tally, name: str, least: float) -> None:
    while tally.read().get(name, 0.0) < least:
        time.sleep(0.1)


def opencv(url: str, cameras: int, period_s: float, weights: str) -> None:
    """Threads that grab; one lock around the model, as its documentation asks."""
    predict, tally, lock = _yolo(weights), _Tally(), threading.Lock()

    def watch(number: int) -> None:
        capture = cv2.VideoCapture(url, cv2.CAP_FFMPEG)
        due_s = time.monotonic() + number * period_s / cameras
        while capture.grab():
            tally.add("decoded")
            if time.monotonic() < due_s:
                continue
            due_s += period_s
            done, image = capture.retrieve()
            if done:
                with lock:
                    predict(image)
                tally.add("analysed")

    for number in range(cameras):
        threading.Thread(target=watch, args=(number,), daemon=True).start()
    _wait_for(tally, "analysed", cameras)
    answer(tally.read)


def ultralytics(url: str, cameras: int, period_s: float, weights: str) -> None:
    """The tracker on every frame of every stream."""
    model, options = _model(weights)
    tally = _Tally()
    with tempfile.NamedTemporaryFile("w", suffix=".streams", delete=False) as sources:
        sources.write("\n".join([url] * cameras))

    def watch() -> None:
        for _ in model.track(source=sources.name, stream=True, persist=True, **options):
            tally.add("analysed")

    threading.Thread(target=watch, daemon=True).start()
    _wait_for(tally, "analysed", 3 * cameras)
    answer(tally.read)


def frigate(url: str, cameras: int, period_s: float, weights: str) -> None:
    """A process of ffmpeg per camera, a motion gate, a detector."""
    from models.load import load_detector
    from models.settings import DetectorSettings

    detector, tally = load_detector(DetectorSettings(weights=weights, threads=1)), _Tally()

    width, height = FRIGATE_SIZE

    def watch() -> None:
        command = [
            *("ffmpeg", "-v", "error", "-threads", "1", "-rtsp_transport", "tcp", "-i", url),
            *("-vf", f"fps={FRIGATE_FPS},scale={width}:{height}", "-pix_fmt", "yuv420p"),
            *("-f", "rawvideo", "pipe:"),
        ]
        size, gate = width * height * 3 // 2, MotionGate()
        quiet = subprocess.DEVNULL  # ffmpeg takes lines there for commands
        with subprocess.Popen(command, stdin=quiet, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            while len(data := process.stdout.read(size)) == size:
                yuv = np.frombuffer(data, np.uint8).reshape(-1, width)
                tally.add("decoded")
                if gate.opens(yuv[:height]):
                    image = np.asarray(cv2.cvtColor(yuv, cv2.COLOR_YUV2BGR_I420), np.uint8)
                    detector.detect([image])
                    tally.add("analysed")

    for _ in range(cameras):
        threading.Thread(target=watch, daemon=True).start()
    _wait_for(tally, "decoded", 3 * cameras)
    answer(tally.read)


def _yolo(weights: str) -> Any:
    model, options = _model(weights)
    return lambda image: model.predict(image, **options)


def _model(weights: str) -> tuple[Any, dict[str, Any]]:
    """Ultralytics on the file that the patrol runs."""
    import openvino as ov

    from bench.detector_speed_peers import ultralytics_model
    from models.settings import DetectorSettings

    folder = Path(tempfile.mkdtemp(prefix="skygrid-speed-"))
    ov.Core.compile_model = _with_one_thread(ov.Core.compile_model)
    return ultralytics_model(DetectorSettings(weights=weights), folder)


def _with_one_thread(compile_model: Callable[..., Any]) -> Callable[..., Any]:
    """Ultralytics has no setting for it; the patrol's own inference has one thread, too."""

    def compiled(
        core: Any, model: Any, device_name: str = "CPU", config: dict[str, Any] | None = None
    ) -> Any:
        one = {**(config or {}), "INFERENCE_NUM_THREADS": 1}
        return compile_model(core, model, device_name, one)

    return compiled


if __name__ == "__main__":
    arguments = json.loads(sys.argv[1])
    run = {"opencv": opencv, "ultralytics": ultralytics, "frigate": frigate}[arguments.pop("peer")]
    run(**arguments)
