"""How long a look lasts: as asked for, longer for more of the same, and never without an end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.confirm import LookWant
from pipeline.confirm.identity import Topic
from pipeline.engine import look_reader
from pipeline.engine.look_reader import LookReader

FPS = 10.0


@dataclass(frozen=True)
class Step:
    """A packet, and the picture that it decodes to."""

    timestamp_s: float
    is_keyframe: bool
    epoch: int = 0

    @property
    def decode_s(self) -> float:
        return self.timestamp_s


@dataclass
class Ring:
    """A minute of packets, live from 0 s on; what came before shows how far apart keyframes are."""

    gop_s: float = 2.0
    before: list[Step] = field(default_factory=lambda: [Step(-2.0, True), Step(0.0, True)])

    def newest_keyframe(self) -> Step:
        return Step(0.0, True)

    def keyframes(self) -> list[Step]:
        return self.before

    def keyframe_gap_s(self) -> float:
        return self.gop_s if len(self.before) > 1 else 0.1

    def follow(self, start_s: float, timeout_s: float) -> Iterator[Step]:
        every = round(self.gop_s * FPS)
        yield from (Step(start_s + n / FPS, n % every == 0) for n in range(600))


def want(look_fps: float, look_s: float) -> LookWant:
    return LookWant(Topic("garbage", "z"), (0, 0, 1, 1), 2.0, look_fps, look_s, 0.0)


@pytest.fixture(autouse=True)
def no_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    def keyframes(packets: Iterator[Step]) -> Iterator[Step]:
        return (p for p in packets if p.is_keyframe)

    monkeypatch.setattr(look_reader, "decode_pictures", lambda packets: packets)
    monkeypatch.setattr(look_reader, "decode_keyframes", keyframes)


def look(
    fps: float, seconds: float, ring: Ring | None = None, asked: LookWant | None = None
) -> list[float]:
    """Times of the pictures; `asked` is what the judge of each says, three pictures late."""
    camera: Any = SimpleNamespace(ring=ring or Ring())
    reader, seen = LookReader(camera), []
    for picture in reader.pictures(seconds, fps, float("-inf"), threading.Event()):
        seen.append(picture.timestamp_s)
        if asked is not None and len(seen) > 3:
            reader.wanted(seen[-4], asked)
    return seen


def test_lasts_as_asked_for() -> None:
    assert look(5.0, 4.0)[-1] == pytest.approx(4.0, abs=0.15)


def test_more_of_the_same_makes_it_longer_but_not_endless() -> None:
    assert look(5.0, 4.0, asked=want(5.0, 3.0))[-1] == pytest.approx(8.0, abs=0.15)


def test_a_slower_want_does_not_stretch_a_fast_look() -> None:
    assert look(5.0, 4.0, asked=want(1.0, 10.0))[-1] == pytest.approx(4.0, abs=0.15)


def test_a_slow_look_ends_when_a_fast_one_is_wanted() -> None:
    assert look(1.0, 20.0, asked=want(5.0, 5.0))[-1] < 6.0


def test_a_slow_look_sees_keyframes_that_come_every_second() -> None:
    ring = Ring(gop_s=1.0, before=[Step(-1.0, True), Step(0.0, True)])
    assert look(1.0, 3.0, ring) == pytest.approx([0.0, 1.0, 2.0, 3.0])


def test_of_rare_keyframes_a_look_begins_where_judgement_stands() -> None:
    """The keyframe is 8 s old and all since is judged: a look of 5 s gave no picture."""
    camera: Any = SimpleNamespace(ring=Ring())
    seen = LookReader(camera).pictures(5.0, 5.0, 8.0, threading.Event())
    times = [picture.timestamp_s for picture in seen]
    assert times[0] == pytest.approx(8.0, abs=0.25)
    assert times[-1] == pytest.approx(13.0, abs=0.25)


def test_one_keyframe_says_nothing_about_the_next() -> None:
    ring = Ring(gop_s=5.0, before=[Step(0.0, True)])
    assert len(look(1.0, 4.0, ring)) == 5
    assert len(look(8.0, 4.0, ring)) > 20
