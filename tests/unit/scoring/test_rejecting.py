"""What a view has learned of an operator who rejects everything."""

from __future__ import annotations

from builders.ledger import NOON, make_sighting

from bench.incidents.rejecting import Operator
from pipeline.types import Phase

HERE, THERE, ELSEWHERE = (0.2, 0.5, 0.3, 0.6), (0.4, 0.5, 0.5, 0.6), (0.7, 0.5, 0.8, 0.6)


def test_an_alarm_is_rejected_when_its_time_has_come_and_where_it_was_told_last_by_then() -> None:
    operator = Operator(600.0)
    told = ((0, HERE), (300, THERE), (900, ELSEWHERE))
    operator.heard(make_sighting("a", n, t, xyxy_norm=box) for n, (t, box) in enumerate(told))
    start_s = NOON.timestamp()
    assert operator.memory(start_s + 599).rejections == ()
    for later_s in (600, 5000):
        (rejection,) = operator.memory(start_s + later_s).rejections
        assert rejection.xyxy_norm == THERE
        assert rejection.at.timestamp() == start_s + 600
        assert (rejection.type, rejection.zone_id) == ("garbage", "pavement")


def test_one_that_ends_and_reopens_is_rejected_once_and_another_one_too() -> None:
    operator = Operator(60.0)
    operator.heard([
        make_sighting("a", 0, 0), make_sighting("a", 1, 30, phase=Phase.ENDED),
        make_sighting("a", 2, 90), make_sighting("b", 0, 200),
    ])  # fmt: skip
    counts = [len(operator.memory(NOON.timestamp() + t).rejections) for t in (59, 60, 259, 260)]
    assert counts == [0, 1, 1, 2]
