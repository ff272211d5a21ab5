"""Looking back in the dark, over broken keyframes and with little room; pictures come undecoded."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from models.detections import Detections
from models.labels import LABELS
from pipeline.confirm import Origin
from pipeline.engine import lookback
from pipeline.engine.lookback import FoundAct, LookBack, LookBackOrder, LookBackSettings, patch_of
from pipeline.engine.watch import WatchedView
from pipeline.types import Act, ClaimKey, ViewKey
from pipeline.view_pipeline import ViewPipeline, ViewPlan
from streams.errors import DecodeError
from streams.ring import PacketRing
from streams.types import CodecInfo, Frame, Packet

SIZE = (320, 180)
PLACE = (140.0, 100.0, 180.0, 140.0)
CLAIM = ClaimKey("garbage", "z", "g1")
PERSON = (110.0, 60.0, 145.0, 150.0)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
CODEC = CodecInfo("h264", *SIZE)
FPS, APPEARED_S, ABSENT_S, SEEN_S = 5, 15.0, 10.0, 20.0
PACKET_BYTES = 1000


@dataclass
class Street:
    """A place at which a thing appears while a person is at it, and the camera that films it.

    Attributes:
        contrast: Brightness of half of the thing, above the ground; `patch_of` sees half of it.
        appeared_s: From when on it is there.
        person_s: While the person is at the place.
        broken: Times of keyframes that give no picture.
    """

    contrast: float = 80.0
    appeared_s: float = APPEARED_S
    person_s: tuple[float, float] = (13.0, 16.0)
    broken: Callable[[float], bool] = lambda t: False

    def frame(self, t_s: float) -> Frame:
        random = np.random.default_rng(round(t_s * 1000))
        image = 100.0 + random.normal(0.0, 1.0, (SIZE[1], SIZE[0], 3))
        if t_s >= self.appeared_s:
            image[100:120, 140:180] += self.contrast
        return Frame("gate", t_s, NOON, image.round().astype(np.uint8))

    def see(self, wanted: Sequence[tuple[Any, Any]]) -> list[Detections]:
        return [self.at(shot.timestamp_s) for shot, _ in wanted]

    def at(self, t_s: float) -> Detections:
        if not self.person_s[0] <= t_s <= self.person_s[1]:
            return Detections()
        return Detections(
            np.array([PERSON], np.float32),
            np.array([0.9], np.float32),
            np.array([LABELS.index("person")], np.int32),
        )

    def search(
        self,
        monkeypatch: pytest.MonkeyPatch,
        begin_s: float = 0.0,
        absent_s: float | None = ABSENT_S,
        lost_s: tuple[float, float] = (0.0, 0.0),
        **settings: Any,
    ) -> FoundAct:
        """What is found in a ring that begins at a time and ends five seconds after the glance.

        While the connection was lost nothing came, and then another epoch began.
        """
        monkeypatch.setattr(lookback, "decode_picture", self._decode_picture)
        monkeypatch.setattr(lookback, "decode_pictures", self._decode_pictures)
        ring = PacketRing(600.0)
        for number in range(round(begin_s * FPS), round((SEEN_S + 5.0) * FPS)):
            if not lost_s[0] < number / FPS < lost_s[1]:
                ring.append(replace(packet(number), epoch=1 + (number / FPS >= lost_s[1])))
        patch = patch_of(self.frame(SEEN_S), PLACE)
        order = LookBackOrder(CLAIM, PLACE, SIZE, SEEN_S, patch, absent_s)
        finder = LookBack(self.see, LABELS, settings=LookBackSettings(**settings))
        return finder.search(ring, order, threading.Event())

    def _decode_picture(self, key: Packet) -> Frame:
        if self.broken(key.timestamp_s):
            raise DecodeError("damaged")
        return self.frame(key.timestamp_s)

    def _decode_pictures(self, packets: Iterable[Packet], fps: float) -> Iterator[Frame]:
        return (self.frame(p.timestamp_s) for p in packets)


def packet(number: int) -> Packet:
    t_s = number / FPS
    data = bytes(PACKET_BYTES)
    return Packet("gate", t_s, t_s, 1 / FPS, NOON, number % FPS == 0, data, CODEC, 1)


class TestMoment:
    @pytest.mark.parametrize("contrast", [80.0, 6.0, 4.0])
    def test_who_brought_what_is_hardly_to_be_seen(
        self, monkeypatch: pytest.MonkeyPatch, contrast: float
    ) -> None:
        act = Street(contrast).search(monkeypatch).act
        assert act.in_memory
        assert act.actor == "person"
        assert act.appeared_s == pytest.approx(APPEARED_S, abs=0.5)

    def test_who_came_soon_after_a_reconnect(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The seconds before the place was last seen empty lie in the epoch before."""
        found = Street().search(monkeypatch, lost_s=(5.0, 12.0), before_s=4.0)
        assert found.act.arrived_s == pytest.approx(13.0, abs=0.3)
        assert {p.epoch for p in found.packets} == {2}

    def test_the_end_of_a_long_stretch_is_searched(self, monkeypatch: pytest.MonkeyPatch) -> None:
        act = Street(6.0).search(monkeypatch, absent_s=0.0, most_s=15.0).act
        assert act.actor == "person"

    def test_the_oldest_keyframe_is_damaged(self, monkeypatch: pytest.MonkeyPatch) -> None:
        act = Street(broken=lambda t: t == 0.0).search(monkeypatch).act
        assert act.in_memory
        assert act.actor == "person"

    def test_what_was_there_all_the_time_has_nobody_who_brought_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The detector found it late; whoever came by meanwhile did nothing."""
        for until_s in (16.0, 19.5):
            street = Street(appeared_s=0.0, person_s=(13.0, until_s))
            act = street.search(monkeypatch).act
            assert act.in_memory
            assert act.actor is None


class TestMemory:
    @pytest.mark.parametrize(
        ("begin_s", "absent_s", "reaches"),
        [
            pytest.param(0.0, 10.0, True, id="further"),
            pytest.param(10.0, 10.0, True, id="just"),
            pytest.param(16.0, 10.0, False, id="not"),
            pytest.param(0.0, None, False, id="never judged without it"),
        ],
    )
    def test_says_that_it_no_longer_reaches_only_where_it_does_not(
        self,
        monkeypatch: pytest.MonkeyPatch,
        begin_s: float,
        absent_s: float | None,
        reaches: bool,
    ) -> None:
        act = Street(6.0).search(monkeypatch, begin_s, absent_s).act
        assert act.in_memory is reaches

    def test_keyframes_that_give_no_picture_say_nothing(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        act = Street(broken=lambda t: True).search(monkeypatch).act
        assert act.in_memory
        assert act.actor is None

    def test_a_search_that_fails_does_not_say_so_either(self) -> None:
        class Broken(LookBack):
            def search(self, *_: object) -> FoundAct:
                raise DecodeError("damaged")

        key = ViewKey("gate")
        pipeline = ViewPipeline(ViewPlan(Origin("s", key, "m@0"), (), LABELS))
        camera: Any = type("Camera", (), {"ring": PacketRing()})
        finder = Broken(lambda wanted: [], LABELS)
        view = WatchedView(key, camera, pipeline, (), publish=lambda _: None, look_back=finder)
        patch = np.zeros((24, 24), np.uint8)
        view._asked_back = LookBackOrder(CLAIM, PLACE, SIZE, SEEN_S, patch, ABSENT_S)
        with pytest.raises(DecodeError):
            view.look_back(threading.Event())
        assert not view.wants_look_back
        assert [(f.act.actor, f.act.in_memory) for _, f in view._acts] == [(None, True)]


class TestKept:
    """What a view keeps of the answers, until the dwell is over that makes incidents of them."""

    def view(self) -> WatchedView:
        key = ViewKey("gate")
        pipeline = ViewPipeline(ViewPlan(Origin("s", key, "m@0"), (), LABELS))
        camera: Any = type("Camera", (), {"ring": PacketRing()})
        return WatchedView(key, camera, pipeline, (), publish=lambda _: None)

    def found(self, number: int, mebibytes: int = 0) -> FoundAct:
        packet: Any = SimpleNamespace(data=bytes(mebibytes * 1024 * 1024))
        act = Act(PLACE, 5.0, ClaimKey("garbage", "z", f"g{number}"), "person")
        return FoundAct(act, (packet,) if mebibytes else ())

    def kept(self, view: WatchedView) -> list[tuple[str | None, int]]:
        return [(f.act.claim.subject, f.size // 1024 // 1024) for _, f in view._acts]

    def test_the_newest_keep_their_packets_as_far_as_there_is_room(self) -> None:
        view = self.view()
        for number in range(1, 7):
            view._keep_act(self.found(number, 10))
        assert self.kept(view) == [("g3", 0), ("g4", 0), ("g5", 10), ("g6", 10)]

    @pytest.mark.parametrize(("now_s", "count"), [(1100.0, 1), (2700.0, 1), (2900.0, 0), (5.0, 0)])
    def test_it_counts_when_an_answer_came_not_when_the_act_was(
        self, now_s: float, count: int
    ) -> None:
        """A thing may have stood for long before anybody asked, and its dwell may be long."""
        view = self.view()
        view._judged_s = 1000.0
        view._keep_act(self.found(1))
        view._forget_acts(now_s)
        assert len(view._acts) == count


class TestPackets:
    """A person at the place from 6 to 16 s; the thing appears at 15 s."""

    @pytest.mark.parametrize(
        ("packets", "begins_s", "ends_s"),
        [
            pytest.param(10_000, 3.0, 19.0, id="all"),
            pytest.param(60, 6.0, 17.8, id="end cut"),
            pytest.param(20, 12.0, 15.8, id="around the appearance"),
            pytest.param(3, 15.0, 15.4, id="next to nothing"),
        ],
    )
    def test_of_too_many_those_that_show_it_appear_are_kept(
        self, monkeypatch: pytest.MonkeyPatch, packets: int, begins_s: float, ends_s: float
    ) -> None:
        street = Street(person_s=(6.0, 16.0))
        found = street.search(monkeypatch, most_bytes=packets * PACKET_BYTES, before_s=10.0)
        assert found.act.arrived_s == pytest.approx(6.0, abs=0.5)
        assert found.packets[0].is_keyframe
        assert found.packets[0].timestamp_s == pytest.approx(begins_s)
        assert found.packets[-1].timestamp_s == pytest.approx(ends_s, abs=0.3)
        assert len(found.packets) <= packets
