"""When a reader rests, and that resting never lets it fall behind."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from streams.bursts import BurstPacer

REST_S = 0.2


@dataclass
class Reader:
    """Reads a stream of some pictures per second from a socket; every picture costs it time.

    Attributes:
        fps: Of the stream.
        cost_s: Of reading one picture.
        clock: How fast the stream's clock runs against the wall's.
        late_s: What is sent after `late_from_s` arrives later by so much.
        lags: How long each picture was behind when it was read.
    """

    fps: float = 25.0
    cost_s: float = 0.001
    clock: float = 1.0
    late_from_s: float = float("inf")
    late_s: float = 0.0
    rests: int = 0
    lags: list[float] = field(default_factory=list)

    def read(self, seconds: float, held_up: tuple[float, float] = (0.0, 0.0)) -> None:
        """Read so long; what is sent in `held_up` (begin, end) arrives at its end."""
        pacer, now_s = BurstPacer(REST_S), 0.0
        for number in range(round(seconds * self.fps)):
            sent_s = number / self.fps
            begin_s, end_s = held_up
            arrives_s = end_s if begin_s <= sent_s < end_s else sent_s
            arrives_s += self.late_s if sent_s >= self.late_from_s else 0.0
            waited_s = max(0.0, arrives_s - now_s)
            now_s = max(now_s, arrives_s) + self.cost_s
            self.lags.append(now_s - sent_s)
            rest_s = pacer.rest_s(1000.0 + sent_s * self.clock, now_s, waited_s)
            self.rests += rest_s > 0
            now_s += rest_s


def test_reads_what_came_meanwhile_together() -> None:
    reader = Reader()
    reader.read(60.0)
    assert reader.rests == pytest.approx(60 / 0.22, rel=0.15)
    assert max(reader.lags) < REST_S + 0.15


@pytest.mark.parametrize("clock", [0.9995, 1.0005])
def test_clocks_that_drift_apart_do_not_end_the_rests(clock: float) -> None:
    reader = Reader(clock=clock)
    reader.read(600.0)
    assert reader.rests > 600 / 0.24 * 0.8
    assert max(reader.lags) < REST_S + 0.15


def test_who_is_behind_reads_on_without_a_rest() -> None:
    reader = Reader()
    reader.read(30.0, held_up=(10.0, 13.0))
    at = round(13.2 * 25)
    assert max(reader.lags[:250]) < 0.35
    assert max(reader.lags[at:]) < REST_S + 0.15


def test_a_reader_short_of_time_falls_no_further_behind_for_its_rests() -> None:
    slow = Reader(cost_s=0.039)
    slow.read(600.0)
    assert max(slow.lags[-1500:]) <= max(slow.lags[:1500]) + 0.05


def test_a_server_short_of_time_does_not_end_the_rests() -> None:
    """It sends each picture later than at its best: waiting for one shows that no more is there."""
    late = Reader(late_from_s=20.0, late_s=0.5)
    late.read(29.0)
    assert late.rests > 29 / 0.24 * 0.8
    assert max(late.lags) < REST_S + 0.5 + 0.15


def test_a_clock_that_jumped_back_is_known_at_the_next_probe() -> None:
    pacer = BurstPacer(REST_S)
    rests = [
        pacer.rest_s((5000.0 if n < 100 else 10.0) + n / 25, n / 25, 0.03) > 0 for n in range(1000)
    ]
    assert all(rests[20:100])
    assert not any(rests[100:750])
    assert all(rests[770:])


def test_rest_of_zero_never_rests() -> None:
    assert BurstPacer(0.0).rest_s(1.0, 1.0, 0.03) == 0.0
