"""The site file: what reads, and that every error names the line and what to do."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.site.errors import SiteError, SiteInvalid, SiteUnreadable
from pipeline.site.load import load_site

GOOD = """\
site: harbour
cameras:
  - id: gate-3
    url: rtsp://user:secret@10.0.0.1/stream
    zones:
      - id: pavement
        polygon: [[0, 0], [1, 0], [1, 1]]
        rules:
          - {type: garbage, dwell_s: 90}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "site.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_small_site_reads_with_defaults(tmp_path: Path) -> None:
    site = load_site(written(tmp_path, GOOD))
    camera = site.cameras[0]
    assert (site.site, camera.id, camera.zones[0].rules[0].dwell_s) == (
        "harbour",
        "gate-3",
        90,
    )
    assert site.data_dir == tmp_path / "data"
    assert camera.ring.seconds == 30


def test_credentials_do_not_show_in_repr_or_dump(tmp_path: Path) -> None:
    site = load_site(written(tmp_path, GOOD))
    assert "secret" not in repr(site) + str(site) + site.model_dump_json()


def test_files_are_found_relative_to_the_site_file(tmp_path: Path) -> None:
    site = load_site(written(tmp_path, GOOD.replace("rtsp://user:secret@10.0.0.1/stream", "a.mp4")))
    assert site.cameras[0].url.get_secret_value() == str(tmp_path / "a.mp4")


@pytest.mark.parametrize(
    ("old", "new", "line", "text"),
    [
        pytest.param("dwell_s: 90", "dwel_s: 90", 9, "unknown key", id="misspelt key"),
        pytest.param("dwell_s: 90", "dwell_s: -1", 9, "greater than or equal to 0", id="range"),
        pytest.param("type: garbage", "type: garbge", 9, "garbge", id="unknown rule"),
        pytest.param("[1, 0], [1, 1]]", "[1, 0]]", 7, "at least 3", id="polygon too short"),
        pytest.param("[1, 1]]", "[1, 7]]", 7, "less than or equal to 1", id="corner outside"),
        pytest.param("id: gate-3", "id: 'gate 3'", 3, "pattern", id="bad id"),
        pytest.param("site: harbour\n", "", 1, "required", id="no site name"),
    ],
)
def test_errors_name_the_line(tmp_path: Path, old: str, new: str, line: int, text: str) -> None:
    path = written(tmp_path, GOOD.replace(old, new))
    with pytest.raises(SiteInvalid) as caught:
        load_site(path)
    assert any(p.line == line and text in p.message for p in caught.value.problems), str(
        caught.value
    )
    assert f"{path}:{line}:" in str(caught.value)


def test_two_cameras_of_one_name_are_refused(tmp_path: Path) -> None:
    camera = GOOD.partition("cameras:\n")[2]
    with pytest.raises(SiteInvalid, match="camera ids must be unique, got twice: gate-3"):
        load_site(written(tmp_path, GOOD + camera))


EAGLE = """\
site: harbour
cameras:
  - id: eagle-1
    url: rtsp://10.0.0.2/stream
    tour:
      host: 10.0.0.2
      password: hush
      stops:
        - {view: market, preset: "1", reference: refs/market.png}
        - {view: quay, preset: "2", hours: [{from: "22:00", to: "05:00"}]}
    views:
      - id: market
        zones: [{id: square, rules: [{type: garbage}]}]
      - id: quay
"""


def test_an_eagle_eye_has_one_view_per_preset(tmp_path: Path) -> None:
    site = load_site(written(tmp_path, EAGLE))
    camera = site.cameras[0]
    assert [(view.id, len(view.zones)) for view in camera.watched] == [("market", 1), ("quay", 0)]
    assert camera.tour is not None
    assert camera.tour.stops[0].reference == str(tmp_path / "refs/market.png")
    assert "hush" not in repr(site) + site.model_dump_json()


def test_a_fixed_camera_has_one_view_called_main(tmp_path: Path) -> None:
    (view,) = load_site(written(tmp_path, GOOD)).cameras[0].watched
    assert (view.id, view.zones[0].id) == ("main", "pavement")


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        pytest.param("      - id: quay\n", "", "differs for: quay", id="stop without view"),
        pytest.param("- id: quay", "- id: market", "got twice: market", id="two views of a name"),
        pytest.param("view: quay", "view: pier", "differs for: pier, quay", id="unknown view"),
        pytest.param("host: 10.0.0.2", "driver: device", "reference picture", id="no reference"),
        pytest.param(
            "    views:", "    zones: [{id: a, rules: [{type: garbage}]}]\n    views:",
            "must stand in its views", id="zones beside views",
        ),
    ],
)  # fmt: skip
def test_a_tour_that_does_not_fit_its_views_is_refused(
    tmp_path: Path, old: str, new: str, text: str
) -> None:
    with pytest.raises(SiteInvalid, match=text):
        load_site(written(tmp_path, EAGLE.replace(old, new)))


@pytest.mark.parametrize(
    ("line", "text"),
    [
        pytest.param("smallest_object_m: 0.5", "must come with a calibration", id="no metres"),
        pytest.param(
            "zones: [{id: a, rules: [{type: crowding, people: null, density_per_m2: 2}]}]",
            "area_m2 must be given", id="no area",
        ),
    ],
)  # fmt: skip
def test_metres_need_a_calibration(tmp_path: Path, line: str, text: str) -> None:
    plain = GOOD[: GOOD.index("    zones:")]
    with pytest.raises(SiteInvalid, match=text):
        load_site(written(tmp_path, f"{plain}    {line}\n"))


def test_views_without_a_tour_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SiteInvalid, match="must come with a tour"):
        load_site(written(tmp_path, GOOD + "    views: [{id: a}]\n"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("a: [1", "must be YAML", id="broken yaml"),
        pytest.param("- 1\n", "must be a mapping", id="a list"),
        pytest.param("", "must be a mapping", id="empty"),
        pytest.param("a: 1\na: 2\n", "must be YAML", id="a key twice"),
    ],
)
def test_what_is_no_site_file(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SiteUnreadable, match=message):
        load_site(written(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SiteUnreadable, match=r"nowhere\.yaml: cannot be read: No such file"):
        load_site(tmp_path / "nowhere.yaml")


def test_overrides_beat_the_environment_and_both_beat_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    environment = {
        "SKYGRID_QUEUE__STREAM": "from-env",
        "SKYGRID_SITE": "from-env",
        "SKYGRID_DATA": "x",
    }
    site = load_site(path, ["queue.stream=from-set", "cameras.0.ring.seconds=5"], environment)
    assert (site.site, site.queue.stream, site.cameras[0].ring.seconds) == (
        "from-env",
        "from-set",
        5,
    )


@pytest.mark.parametrize(
    "override", ["nonsense", "=1", "cameras.9.id=x", "cameras.first.id=x", "site.x=1"]
)
def test_an_override_that_cannot_be_is_refused(tmp_path: Path, override: str) -> None:
    with pytest.raises(SiteInvalid):
        load_site(written(tmp_path, GOOD), [override])


@given(st.text(max_size=300))
@settings(
    max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
def test_any_text_gives_a_site_or_a_clear_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(SiteError):
        load_site(written(tmp_path, text.encode("utf-8", "replace").decode()))


@given(st.data())
@settings(
    max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
def test_a_damaged_site_file_gives_a_site_or_a_clear_error(
    tmp_path: Path, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(GOOD) - 1))
    length = data.draw(st.integers(0, 20))
    middle = data.draw(st.text(alphabet="abc:[]{}-#&*!|>'\"%@`, \n\t01.~", max_size=12))
    path = written(tmp_path, GOOD[:start] + middle + GOOD[start + length :])
    with suppress(SiteError):  # anything else fails the test
        load_site(path)
