"""A peer's seeing, judged by the patrol's rules on a committed clip."""

from __future__ import annotations

from typing import Any

from bench.incidents.footage import clips_in
from bench.incidents.matching import MatchRule, match
from bench.incidents.patrol import Pace, PatrolOptions, patrol
from bench.incidents.sight import TruthSight
from bench.speed.peer_sight import PeerSight
from models.detections import Detections
from sample_videos.catalogue import CLIPS


class Perfect:
    """A peer that sees what is true of a clip, picture after picture."""

    def __init__(self, clip: Any) -> None:
        self.clip, self.truth, self.begun = clip, TruthSight(), 0

    def begin(self) -> None:
        self.begun += 1
        self.index = 0
        self.truth.open(self.clip)

    def see(self, image: Any) -> Detections:
        found, _ = self.truth.see(self.index, image)
        self.index += 1
        return found


def test_what_a_peer_sees_is_judged_like_what_the_patrol_sees() -> None:
    clip = next(c for c in clips_in(CLIPS, CLIPS) if c.clip_id == "demo-dumping")
    every = PatrolOptions(Pace(clip.truth.clip.fps))
    peer = Perfect(clip)
    sight = PeerSight(peer, TruthSight(), lambda *_: ())  # type: ignore[arg-type]
    found = match(clip.truth, patrol(clip, sight, every).alarms, MatchRule())
    assert peer.begun == 1
    assert (len(found.pairs), len(found.false_alarms)) == (1, 0)
    assert sight.model_id == "Perfect with truth@miss0-jitter0"
