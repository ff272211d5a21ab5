"""A patrol is charged with what its glances and looks decode, not with every picture of a clip."""

from __future__ import annotations

import pytest

from bench.incidents.decoding import Decoded, Look, all_decoding_s, patrol_decoding_s

KEY_S, OTHER_S = 5.0, 1.0
ORIGIN_S = 100.0


def clip(seconds: int, keyframe_every_s: int, fps: int = 2) -> list[Decoded]:
    """Keyframes cost 5 s, what lies between them 1 s; the container's clock begins at 100 s."""
    return [
        Decoded(ORIGIN_S + n / fps, key := n % (keyframe_every_s * fps) == 0, KEY_S if key else 1.0)
        for n in range(seconds * fps)
    ]


def every(period_s: float, seconds: int) -> list[float]:
    return [n * period_s for n in range(int(seconds / period_s))]


@pytest.mark.parametrize(
    ("glances", "keyframes"),
    [
        pytest.param(every(10, 40), 4, id="one keyframe each"),
        pytest.param([3.0, 3.5, 3.9], 1, id="the same keyframe once"),
        pytest.param([], 0, id="no glance"),
        pytest.param([39.0, 45.0, 50.0], 1, id="a held last picture costs nothing"),
    ],
)
def test_glances_cost_keyframes(glances, keyframes):
    assert patrol_decoding_s(clip(40, 2), glances, [], 10.0) == keyframes * KEY_S


def test_a_look_costs_all_packets_from_the_keyframe_before_it():
    look = Look(5.0, 9.0, fps=5.0)
    # Keyframes at 4, 6 and 8, and what lies between 4 and 9 at two pictures a second.
    assert patrol_decoding_s(clip(40, 2), [], [look], 10.0) == 3 * KEY_S + 8 * OTHER_S


def test_looks_that_overlap_are_decoded_once():
    looks = [Look(5.0, 9.0, 5.0), Look(6.0, 9.0, 5.0)]
    assert patrol_decoding_s(clip(40, 2), [], looks, 10.0) == 3 * KEY_S + 8 * OTHER_S


@pytest.mark.parametrize(
    ("keyframe_every_s", "cost_s"),
    [
        pytest.param(1, 5 * KEY_S, id="keyframes serve"),
        pytest.param(2, 3 * KEY_S + 6 * OTHER_S, id="keyframes are too rare"),
    ],
)
def test_a_slow_look_is_content_with_keyframes_that_come_often(keyframe_every_s, cost_s):
    look = Look(4.0, 8.0, fps=1.0)
    assert patrol_decoding_s(clip(40, keyframe_every_s), [], [look], 10.0) == cost_s


def test_without_timely_keyframes_everything_is_decoded():
    packets = clip(60, 30)
    assert patrol_decoding_s(packets, every(10, 60), [], 10.0) == all_decoding_s(packets)


def test_nothing_costs_nothing():
    assert patrol_decoding_s([], [0.0], [], 10.0) == 0.0
