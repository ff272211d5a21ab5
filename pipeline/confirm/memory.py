"""What a view has learned from rejected incidents: places where a claim must be stronger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pipeline.boxes import iou
from pipeline.types import Box, IncidentType

HALF_LIFE_DAYS = 7.0
STEP = 0.15
MAX_BAR = 0.4
SAME_PLACE_IOU = 0.3


@dataclass(frozen=True, slots=True)
class Rejection:
    """An operator's verdict that a sighting was wrong.

    Attributes:
        type: Incident type that was claimed.
        zone_id: Zone of the claim.
        xyxy_norm: Place, 0..1 of the frame.
        at: When it was rejected, aware.
    """

    type: IncidentType
    zone_id: str
    xyxy_norm: Box
    at: datetime


@dataclass(frozen=True, slots=True)
class ViewMemory:
    """The rejections of one view; what they count for halves every week."""

    rejections: tuple[Rejection, ...] = ()

    def bar(self, claim: Rejection) -> float:
        """How much stronger than usual a claim must be, 0..`MAX_BAR`.

        Args:
            claim: The new claim in the shape of a rejection: its type, zone, place and time.
        """
        total = 0.0
        for known in self.rejections:
            same = (known.type, known.zone_id) == (claim.type, claim.zone_id)
            if same and iou(known.xyxy_norm, claim.xyxy_norm) >= SAME_PLACE_IOU:
                age_days = max(0.0, (claim.at - known.at).total_seconds() / 86_400)
                total += STEP * 0.5 ** (age_days / HALF_LIFE_DAYS)
        return min(MAX_BAR, total)
