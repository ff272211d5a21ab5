"""How far, how fast and how long: the limits of the tracker."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TrackerSettings:
    """Limits of the tracker; lengths are in sizes of the thing, times in seconds.

    Attributes:
        start_confidence: A new track begins only with a detection at least this sure.
        keep_confidence: Detections from here on may carry a track on (ByteTrack's second stage).
        confirm_hits: Detections before a track is confirmed.
        tentative_lost_s: A track not yet confirmed is forgotten this long after its last hit.
        moving_lost_s: The same for a confirmed track that moves.
        still_lost_s: The same for a confirmed track that stood still: it may be hidden.
        jump: Distance that a box may jump between two pictures at once: noise.
        speed: Sizes per second that it may move while its velocity is unknown.
        turn_speed: Sizes per second that it may depart from its known velocity.
        reach_s: Prediction and reach stop growing here: after a longer time a thing either
            stands where it stood, or nobody can say which of the passers-by it is.
        size_ratio: Largest change of size (side of the box) from one picture to the next.
        low_iou: Overlap that a detection below `start_confidence` needs to carry a track on.
        still_jitter: Distance from its anchor at which a thing still counts as standing.
        still_s: Time at one anchor before a track is called still.
    """

    start_confidence: float = 0.25
    keep_confidence: float = 0.1
    confirm_hits: int = 2
    tentative_lost_s: float = 1.0
    moving_lost_s: float = 3.0
    still_lost_s: float = 180.0
    jump: float = 0.5
    speed: float = 1.5
    turn_speed: float = 0.75
    reach_s: float = 2.0
    size_ratio: float = 1.8
    low_iou: float = 0.3
    still_jitter: float = 0.3
    still_s: float = 1.0
