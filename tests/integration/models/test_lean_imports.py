"""A patrol on a CPU never pays for torch: not to load, not to detect, not to count."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from builders.colour_graph import write_colour_weight

PROGRAM = """
import sys, numpy
from models.load import load_detector
from models.regions import detect_regions
from models.region_plan import RegionNeeds, plan_regions
from models.settings import DetectorSettings
import models.crowd, models.errors

assert not {"openvino", "torch"} & set(sys.modules), "nothing is loaded before it is asked for"
detector = load_detector(DetectorSettings(weights=sys.argv[1], input_size=(64, 96), threads=1))
image = numpy.zeros((200, 300, 3), numpy.uint8)
image[50:150, 50:150] = (0, 0, 255)
plan = plan_regions((300, 200), [], detector.input_size, RegionNeeds(object_px=20))
assert len(detect_regions(detector, [(image, plan.regions)])[0]) > 0
heavy = {"torch", "torchvision", "ultralytics", "nncf", "matplotlib", "pandas"} & set(sys.modules)
assert not heavy, f"loaded without need: {heavy}"
print("lean")
"""


def test_detecting_with_openvino_loads_no_torch(tmp_path: Path) -> None:
    write_colour_weight(tmp_path, (64, 96))
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        cwd=Path(__file__).parents[3],
    )
    assert done.stdout.strip() == "lean", done.stderr
