"""Which weight watches, on what, how: the detector's part of a site's configuration."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Backend = Literal["auto", "openvino", "ultralytics"]
Precision = Literal["auto", "int8", "fp16", "fp32"]


class DetectorSettings(BaseModel):
    """How to load a detector; `load.load_detector` takes it.

    Attributes:
        weights: Name of a shipped weight ("patrol11n") or path of a weight directory.
        backend: "auto" takes OpenVINO where the weight has a file for it, else Ultralytics.
        precision: "auto" takes the fastest file the weight has: int8, fp16, fp32.
        input_size: (height, width) of the network's input in pixels, multiples of 32.
        device: "auto", an OpenVINO device ("CPU", "GPU") or a torch device ("cpu", "cuda:0").
        threads: Threads for inference, 0 = one per core the process may use.
        confidence_floor: Detections below are dropped. Rules hold their own, higher thresholds.
        nms_iou: Of two boxes of one class that overlap more than this, the better one is kept.
        max_detections: Per picture, the most confident ones.
        multi_label: Let one place carry several classes above the floor (for evaluation).
        timeout_s: An inference that takes longer is an error.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    weights: str = Field(default="patrol11n", min_length=1)
    backend: Backend = "auto"
    precision: Precision = "auto"
    input_size: tuple[int, int] = (384, 640)
    device: str = "auto"
    threads: int = Field(default=0, ge=0, le=256)
    confidence_floor: float = Field(default=0.15, gt=0, lt=1)
    nms_iou: float = Field(default=0.6, gt=0, le=1)
    max_detections: int = Field(default=300, ge=1, le=5000)
    multi_label: bool = False
    timeout_s: float = Field(default=30.0, gt=0)


class CrowdSettings(BaseModel):
    """How to count people; `load.load_crowd_counter` takes it.

    Attributes:
        density_weights: Name or path of a weight of kind "density"; None counts by boxes alone.
        dense_from: People in an area, by boxes or by density, from which density counts it.
        threads: As `DetectorSettings.threads`.
        timeout_s: As `DetectorSettings.timeout_s`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    density_weights: str | None = None
    dense_from: float = Field(default=15.0, ge=0)
    threads: int = Field(default=1, ge=0, le=256)
    timeout_s: float = Field(default=30.0, gt=0)
