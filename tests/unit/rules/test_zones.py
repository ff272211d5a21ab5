"""Zones, schedules, permits and rule settings: what is accepted, what is refused, what holds."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from shapely.geometry import Point, Polygon

from pipeline.rules.rule import make_rule
from pipeline.rules.settings import RuleSettings, StreetVendingSettings
from pipeline.schedule import Hours, is_open
from pipeline.zones import Zone, check_polygon, contains

SHANGHAI = ZoneInfo("Asia/Shanghai")
TYPES = ("street_vending", "garbage", "overflowing_bin", "missing_helmet", "crowding")
NOTCHED = [(0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.5, 0.4), (0.1, 0.9)]


def local(text):
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def zone(**changes):
    return Zone.model_validate({"id": "z", "rules": [{"type": "garbage"}], **changes})


class TestPolygon:
    @pytest.mark.parametrize(
        ("polygon", "words"),
        [
            pytest.param([[0, 0], [1, 1]], "at least 3", id="two corners"),
            pytest.param([[0, 0], [1, 1], [0, 0]], "3 different", id="two different corners"),
            pytest.param([[0, 0], [1, 1], [1, 0], [0, 1]], "cross itself", id="bow tie"),
            pytest.param([[0, 0], [0.5, 0.5], [1, 1]], "area", id="a line"),
            pytest.param([[0, 0], [1.2, 0], [1, 1]], "less than or equal to 1", id="outside"),
            pytest.param([[0, 0], [0, 0], [1, 0], [1, 1]], "repeat", id="repeated corner"),
        ],
    )
    def test_refused(self, polygon, words):
        with pytest.raises(ValidationError, match=words):
            zone(polygon=polygon)

    @given(st.floats(0, 1), st.floats(0, 1))
    def test_contains_agrees_with_shapely(self, x, y):
        expected = Polygon(NOTCHED)
        point = Point(x, y)
        if expected.boundary.distance(point) > 1e-6:
            assert contains(NOTCHED, x, y) == expected.contains(point)

    @given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=3, max_size=7))
    def test_simple_agrees_with_shapely(self, polygon):
        try:
            check_polygon(polygon)
        except ValueError:
            return
        # Ours may be stricter (touching corners, slivers), never laxer.
        assert Polygon(polygon).is_valid

    def test_the_border_counts_as_inside(self):
        assert contains(NOTCHED, 0.5, 0.1)

    def test_feet_at_the_lower_edge_of_the_frame_are_inside(self):
        assert zone().has_foot((10.0, 10.0, 20.0, 400.0), (640, 360))


class TestHours:
    @pytest.mark.parametrize(
        ("hours", "at", "expected"),
        [
            ({"from": "08:00", "to": "20:00"}, "2026-03-02T08:00", True),
            ({"from": "08:00", "to": "20:00"}, "2026-03-02T20:00", False),
            ({"from": "08:00", "to": "24:00"}, "2026-03-02T23:59", True),
            ({"days": ["mon"]}, "2026-03-02T00:00", True),
            ({"days": ["mon"]}, "2026-03-03T00:00", False),
            ({"days": ["fri"], "from": "22:00", "to": "02:00"}, "2026-03-06T23:00", True),
            ({"days": ["fri"], "from": "22:00", "to": "02:00"}, "2026-03-07T01:59", True),
            ({"days": ["fri"], "from": "22:00", "to": "02:00"}, "2026-03-07T02:00", False),
            ({"days": ["fri"], "from": "22:00", "to": "02:00"}, "2026-03-06T01:00", False),
            ({"days": ["sun"], "from": "22:00", "to": "02:00"}, "2026-03-02T01:00", True),
        ],
    )
    def test_holds(self, hours, at, expected):
        assert Hours.model_validate(hours).holds(local(at)) is expected

    def test_is_read_on_the_clocks_of_the_site(self):
        hours = [Hours.model_validate({"from": "08:00", "to": "09:00"})]
        at = datetime.fromisoformat("2026-03-02T00:30:00+00:00")
        assert is_open(hours, at, SHANGHAI)

    def test_naive_times_are_refused(self):
        with pytest.raises(ValueError, match="aware"):
            is_open([Hours()], datetime(2026, 3, 2), SHANGHAI)  # noqa: DTZ001

    @pytest.mark.parametrize("clock", ["8:00", "25:00", "24:01", "noon"])
    def test_bad_clock_is_refused(self, clock):
        with pytest.raises(ValidationError):
            Hours.model_validate({"from": clock})


class TestSettings:
    @pytest.mark.parametrize("kind", TYPES)
    def test_defaults_make_a_rule(self, kind):
        made = zone(rules=[{"type": kind}])
        assert make_rule(made.rules[0], made) is not None

    @pytest.mark.parametrize("kind", TYPES)
    def test_every_setting_is_described_in_the_schema(self, kind):
        schema = TypeAdapter(RuleSettings).json_schema()
        model = schema["$defs"][schema["discriminator"]["mapping"][kind].split("/")[-1]]
        undescribed = {
            name
            for name, field in model["properties"].items()
            if name != "type" and "description" not in field
        }
        assert undescribed == set()

    @pytest.mark.parametrize(
        "rules",
        [
            pytest.param([], id="none"),
            pytest.param([{"type": "garbage"}, {"type": "garbage"}], id="twice"),
            pytest.param([{"type": "litter"}], id="unknown type"),
            pytest.param([{"type": "garbage", "dwel_s": 5}], id="misspelt"),
            pytest.param([{"type": "garbage", "dwell_s": -1}], id="negative"),
            pytest.param([{"type": "garbage", "keep_at": 0.9}], id="hysteresis upside down"),
            pytest.param([{"type": "crowding", "people": None}], id="no limit"),
        ],
    )
    def test_refused(self, rules):
        with pytest.raises(ValidationError):
            zone(rules=rules)

    def test_classes_that_a_model_lacks_are_named(self):
        rule = zone(rules=[{"type": "missing_helmet"}]).rules[0]
        assert rule.missing_classes(("person", "car")) == ("helmet", "bare_head")

    @pytest.mark.parametrize(
        ("use_novelty", "labels", "missing"),
        [
            pytest.param(True, ("person",), (), id="pixels find what has no name"),
            pytest.param(False, ("person", "tricycle"), (), id="one named occupation"),
            pytest.param(False, ("person",), ("stall, parasol or tricycle",), id="none"),
            pytest.param(False, ("car",), ("person", "stall, parasol or tricycle"), id="nothing"),
        ],
    )
    def test_vending_needs_pixels_or_a_named_occupation(
        self, use_novelty: bool, labels: tuple[str, ...], missing: tuple[str, ...]
    ) -> None:
        rule = StreetVendingSettings(use_novelty=use_novelty)
        assert rule.missing_classes(labels) == missing
