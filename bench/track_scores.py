"""Scores of trackers: HOTA, CLEAR and Identity, as TrackEval reckons them.

Definitions: Luiten et al. 2021 (HOTA), Bernardin & Stiefelhagen 2008 (CLEAR), Ristani et al. 2016
(Identity).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.errors import NothingToMeasure

Array = npt.NDArray[np.float64]

MATCH_IOU = 0.5
"""From which CLEAR and Identity take two boxes for one person."""


@dataclass(frozen=True, slots=True, eq=False)
class ScoredFrame:
    """One picture: true ids, tracked ids, and how alike their boxes are.

    Attributes:
        true_ids: (N,) ids, dense from 0 over the clip.
        track_ids: (M,) ids, dense from 0 over the clip.
        similarity: (N, M) IoU.
    """

    true_ids: npt.NDArray[np.int64]
    track_ids: npt.NDArray[np.int64]
    similarity: Array


@dataclass(frozen=True, slots=True)
class TrackScore:
    """Scores of one clip; shares of 0..1, MOTA may be negative."""

    hota: float
    det_a: float
    ass_a: float
    idf1: float
    mota: float
    switches: int


def score(frames: Sequence[ScoredFrame]) -> TrackScore:
    """All scores of one clip; those of HOTA are means over its localisation thresholds.

    Raises:
        NothingToMeasure: TrackEval is not installed.
    """
    try:
        from trackeval.metrics import CLEAR, HOTA, Identity
    except ImportError as error:
        raise NothingToMeasure(
            "trackeval must be installed to score trackers: make setup-dev"
        ) from error
    clip = _for_trackeval(frames)
    config = {"THRESHOLD": MATCH_IOU, "PRINT_CONFIG": False}
    hota = HOTA().eval_sequence(clip)
    clear = CLEAR(config).eval_sequence(clip)
    identity = Identity(config).eval_sequence(clip)
    true = clip["num_gt_dets"]
    # TrackEval returns no MOTA where one side is empty: nothing found is 0, only false ones below.
    mota = (clear["CLR_TP"] - clear["CLR_FP"] - clear["IDSW"]) / max(1, true)
    return TrackScore(
        hota=float(np.mean(hota["HOTA"])),
        det_a=float(np.mean(hota["DetA"])),
        ass_a=float(np.mean(hota["AssA"])),
        idf1=float(identity["IDF1"]),
        mota=float(mota),
        switches=int(clear["IDSW"]),
    )


def _for_trackeval(frames: Sequence[ScoredFrame]) -> dict[str, Any]:
    """One clip in the form that TrackEval's metrics take."""
    true_ids, track_ids = [f.true_ids for f in frames], [f.track_ids for f in frames]
    return {
        "num_timesteps": len(frames),
        "num_gt_ids": _count(true_ids),
        "num_tracker_ids": _count(track_ids),
        "num_gt_dets": sum(map(len, true_ids)),
        "num_tracker_dets": sum(map(len, track_ids)),
        "gt_ids": true_ids,
        "tracker_ids": track_ids,
        "similarity_scores": [f.similarity for f in frames],
    }


def _count(ids: Sequence[npt.NDArray[np.int64]]) -> int:
    return max((int(some.max(initial=-1)) for some in ids), default=-1) + 1
