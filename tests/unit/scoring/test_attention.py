"""The pace of one view: glances at a period, looks where they are wished for."""

from __future__ import annotations

import pytest

from bench.incidents.attention import Attention
from pipeline.confirm import LookWant
from pipeline.confirm.identity import Topic

PLACE = (0.1, 0.1, 0.2, 0.2)


def want(fps: float, look_s: float) -> LookWant:
    return LookWant(Topic("garbage", "z"), PLACE, 1.0, fps, look_s, 0.0)


def moments(attention: Attention, until_s: float, wants: dict[float, list[LookWant]]):
    """(second, looking) of every picture that is taken."""
    taken = []
    while (t_s := attention.next_s) < until_s:
        assert attention.is_due(t_s)
        taken.append((t_s, attention.is_looking(t_s)))
        attention.took(t_s, wants.get(t_s, []))
    return taken


def test_without_wishes_there_are_glances_only():
    assert moments(Attention(10.0, looks=True), 30.0, {}) == [
        (0.0, False), (10.0, False), (20.0, False),
    ]  # fmt: skip


def test_a_wish_is_followed_at_its_pace_for_its_time():
    taken = moments(Attention(10.0, looks=True), 30.0, {10.0: [want(1.0, 3.0)]})
    assert taken == [
        (0.0, False), (10.0, False), (11.0, True), (12.0, True), (13.0, False), (20.0, False),
    ]  # fmt: skip


def test_a_second_wish_makes_a_look_longer_and_never_slower():
    wants = {0.0: [want(2.0, 2.0)], 1.0: [want(1.0, 3.0)]}
    taken = [t for t, looking in moments(Attention(10.0, looks=True), 8.0, wants) if looking]
    assert taken == [0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5]


@pytest.mark.parametrize(
    ("attention", "wanted"),
    [
        pytest.param(Attention(10.0, looks=False), want(5.0, 6.0), id="no looks"),
        pytest.param(Attention(2.0, looks=True), want(1.0, 6.0), id="glances are as often"),
    ],
)
def test_a_wish_that_is_not_followed(attention, wanted):
    taken = moments(attention, 4.0, {0.0: [wanted]})
    assert not any(looking for _, looking in taken)
    assert [t for t, _ in taken] == [t for t in (0.0, 2.0) if t % attention.period_s == 0]
