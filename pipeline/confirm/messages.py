"""Sightings of a hypothesis: how its start, updates and end read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from pipeline.confirm.hypothesis import Hypothesis
from pipeline.confirm.identity import Origin, sighting_id
from pipeline.rules.settings import RuleBase
from pipeline.types import Phase, Reason, Scene, Sighting

GROWN = 1.5
"""A count that has grown to this much of what was sent is news."""

GROWING = ("people_bare", "peak")
TOP_SEVERITY = 4


def start(hypothesis: Hypothesis, rule: RuleBase, origin: Origin, scene: Scene) -> Sighting:
    """The first message: what was confirmed, where, since when, why."""
    claim, topic = hypothesis.claim, hypothesis.topic
    started_at = wall_clock(claim.since_s, scene)
    confirmed = Reason(
        "confirmed",
        0.0,
        {"looks": len(hypothesis.looks), "share": round(hypothesis.share(), 3)},
    )
    return Sighting(
        sighting_id=sighting_id(origin, topic, started_at, hypothesis.place_norm),
        sequence=0,
        phase=Phase.STARTED,
        view=origin.view,
        zone_id=topic.zone_id,
        type=topic.type,
        subtype=claim.subtype,
        xyxy_norm=claim.xyxy_norm,
        started_at=started_at,
        confirmed_at=scene.captured_at,
        observed_at=scene.captured_at,
        ended_at=None,
        timestamp_s=scene.timestamp_s,
        started_s=claim.since_s,
        confidence=round(hypothesis.strength(rule), 4),
        severity=severity(rule, claim.measures, claim.subtype),
        reasons=(*claim.reasons, *hypothesis.close.reasons, confirmed),
        measures=claim.measures,
        model=origin.model,
    )


def update(hypothesis: Hypothesis, rule: RuleBase, origin: Origin, scene: Scene) -> Sighting:
    """The same happening as it stands now, or again after it had ended."""
    sent, claim = _sent(hypothesis), hypothesis.claim
    again = (Reason("reopened", 0.0),) if sent.phase is Phase.ENDED else ()
    return replace(
        sent,
        sequence=sent.sequence + 1,
        phase=Phase.UPDATED,
        subtype=claim.subtype or sent.subtype,
        xyxy_norm=claim.xyxy_norm,
        observed_at=scene.captured_at,
        ended_at=None,
        timestamp_s=scene.timestamp_s,
        severity=max(sent.severity, severity(rule, claim.measures, claim.subtype)),
        reasons=(*claim.reasons, *hypothesis.close.reasons, *again),
        measures=keep_peaks(sent.measures, claim.measures),
        model=origin.model,
    )


def end(hypothesis: Hypothesis, code: str, scene: Scene) -> Sighting:
    """The last message: why it was raised, since when the place is clear, how that is known."""
    sent = _sent(hypothesis)
    _, ended_at = hypothesis.clear_since or (scene.timestamp_s, scene.captured_at)
    return replace(
        sent,
        sequence=sent.sequence + 1,
        phase=Phase.ENDED,
        observed_at=scene.captured_at,
        ended_at=max(ended_at, sent.started_at),
        timestamp_s=scene.timestamp_s,
        reasons=(*sent.reasons, Reason(code, 0.0, {"clear_s": round(hypothesis.clear_s, 1)})),
    )


def has_news(hypothesis: Hypothesis) -> bool:
    """True when there is more than what was sent: a subtype, numbers that grew, a close look."""
    sent, claim = _sent(hypothesis), hypothesis.claim
    if hypothesis.close.is_news:
        return True
    if claim.subtype is not None and claim.subtype != sent.subtype:
        return True
    if claim.measures.get("level", 0.0) > sent.measures.get("level", 0.0):
        return True
    return any(
        claim.measures.get(name, 0.0) >= GROWN * max(sent.measures.get(name, 0.0), 1.0)
        for name in GROWING
    )


def severity(rule: RuleBase, measures: Mapping[str, float], subtype: str | None) -> int:
    """Of the settings, one more for an act of dumping or for a crowd of twice the limit."""
    worse = subtype == "dumping" or measures.get("level", 0.0) >= 3
    return min(TOP_SEVERITY, rule.severity + worse)


def keep_peaks(before: Mapping[str, float], now: Mapping[str, float]) -> dict[str, float]:
    """The newest numbers, with the highest peak so far."""
    merged = {**before, **now}
    if "peak" in before and "peak" in now:
        merged["peak"] = max(before["peak"], now["peak"])
    return merged


def wall_clock(timestamp_s: float, scene: Scene) -> datetime:
    """Wall clock of a media time, by the scene's own pair of times."""
    return scene.captured_at - timedelta(seconds=scene.timestamp_s - timestamp_s)


def _sent(hypothesis: Hypothesis) -> Sighting:
    if hypothesis.sent is None:
        raise ValueError(f"a first message must have been sent for {hypothesis.topic}")
    return hypothesis.sent
