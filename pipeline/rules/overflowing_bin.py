"""Overflowing bin: a bin seen too full to close, for longer than the dwell."""

from __future__ import annotations

from pipeline.rules.settings import OverflowingBinSettings
from pipeline.rules.standing import Standing, StandingLimits, StandingMemory, hint, standing_items
from pipeline.sightlines import seen_now
from pipeline.types import Reason, Scene, Suspicion
from pipeline.zones import Zone

CONFIDENCE_WEIGHT, DWELL_WEIGHT = 0.7, 0.3


class OverflowingBinRule:
    """Overflowing bins by place; looks that show the same bin closed speak against it.

    The detector may call one bin full in one picture and not in the next: the share of the
    looks in which it was full scales the claim, and confirmation asks for a share again.
    """

    def __init__(self, settings: OverflowingBinSettings, zone: Zone) -> None:
        self._settings, self._zone = settings, zone
        self._places = StandingMemory(
            StandingLimits(settings.merge_distance, settings.clear_s, settings.max_gap_s)
        )

    def update(self, scene: Scene) -> list[Suspicion]:
        full = [
            t
            for t in seen_now(scene, {"overflowing_bin"})
            if self._zone.has_thing(t.xyxy, scene.size)
        ]
        claims = [self._claim(p) for p in self._places.update(standing_items(full), scene)]
        return claims + [
            hint(t, "overflowing_bin", self._zone.id, "overflowing_seen", CONFIDENCE_WEIGHT)
            for t in full
            if t.hits == 1
        ]

    def _claim(self, place: Standing) -> Suspicion:
        dwell_s = self._settings.dwell_s
        held = min(1.0, place.dwell_s / dwell_s) if dwell_s > 0 else 1.0
        reasons = (
            Reason(
                "overflowing_seen",
                CONFIDENCE_WEIGHT * place.confidence,
                {"confidence": round(place.confidence, 3), "looks": place.looks},
            ),
            Reason("lasts", DWELL_WEIGHT * held, {"dwell_s": round(place.dwell_s, 1)}),
        )
        return Suspicion(
            "overflowing_bin",
            self._zone.id,
            place.box,
            place.since_s,
            min(1.0, sum(r.weight for r in reasons)),
            place.dwell_s >= dwell_s,
            f"b{place.key}",
            reasons,
            {"dwell_s": round(place.dwell_s, 1)},
        )
