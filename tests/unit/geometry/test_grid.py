"""The management grid: codes, faults, look-up, and 33,000 cells."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
import shapely

from pipeline.geometry.crs import from_wgs84
from pipeline.geometry.errors import GridError
from pipeline.geometry.grid import Grid, GridCell, levels_of, load_grid
from pipeline.geometry.settings import GridSettings

STEP = 0.001


def cell(column: int, row: int, *, east: float = 1.0) -> GridCell:
    x, y = 116.3 + column * STEP, 39.9 + row * STEP
    code = f"110101001{row:03d}{column:03d}"
    return GridCell(code, f"{column}/{row}", shapely.box(x, y, x + east * STEP, y + STEP))


def square(n: int) -> list[GridCell]:
    return [cell(c, r) for r in range(n) for c in range(n)]


def test_a_place_finds_its_cell() -> None:
    grid = Grid(square(4))
    found = grid.cell_at(116.3 + 2.5 * STEP, 39.9 + 1.5 * STEP)
    assert found is not None
    assert found.name == "2/1"
    assert grid.cell_at(116.2, 39.9) is None


def test_a_place_on_a_border_has_one_answer_whatever_the_order() -> None:
    cells = square(3)
    on_border = (116.3 + STEP, 39.9 + 0.5 * STEP)
    answers = {Grid(order).cell_at(*on_border).code for order in (cells, cells[::-1])}  # type: ignore[union-attr]
    assert len(answers) == 1


def test_levels_are_prefixes() -> None:
    assert levels_of("110101001002003") == (
        "110101",
        "110101001",
        "110101001002",
        "110101001002003",
    )
    assert len(Grid(square(3)).within("110101001002")) == 3


def test_clean_grid_has_no_faults() -> None:
    assert Grid(square(5)).faults() == ()


def test_overlap_is_found_with_its_area() -> None:
    cells = square(3)
    cells[0] = cell(0, 0, east=1.1)
    faults = Grid(cells).faults()
    assert [f.kind for f in faults] == ["overlap"]
    assert faults[0].codes == (cells[0].code, cells[1].code)
    assert faults[0].area_m2 == pytest.approx(0.1 * 85.4 * 111.0, rel=0.02)


def test_sliver_is_a_fault_and_a_park_is_not() -> None:
    cells = square(3)
    cells[4] = cell(1, 1, east=0.985)
    assert {f.kind for f in Grid(cells).faults(sliver_m=2.0)} == {"gap"}
    without_middle = [c for c in square(3) if c.name != "1/1"]
    assert Grid(without_middle).faults(sliver_m=2.0) == ()


def test_equal_codes_are_refused() -> None:
    with pytest.raises(GridError, match="got twice"):
        Grid([cell(0, 0), cell(0, 0)])


def write(path: Path, cells: list[GridCell], crs: str = "wgs84", **changes: object) -> GridSettings:
    features = [
        {
            "type": "Feature",
            "properties": {"code": c.code, "name": c.name, **changes},
            "geometry": json.loads(
                shapely.to_geojson(shapely.transform(c.polygon, lambda p: from_wgs84(p, crs)))
            ),
        }
        for c in cells
    ]
    file = path / "grid.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}), "utf-8")
    return GridSettings(path=file, crs=crs)


def test_gcj02_file_becomes_wgs84(tmp_path: Path) -> None:
    grid = load_grid(write(tmp_path, square(2), "gcj02"))
    found = grid.cell_at(116.3 + 0.5 * STEP, 39.9 + 0.5 * STEP)
    assert found is not None
    assert found.name == "0/0"


def test_wrong_code_names_the_feature(tmp_path: Path) -> None:
    with pytest.raises(GridError, match=r"feature 0 of grid.geojson: code must be 15 to 20 digits"):
        load_grid(write(tmp_path, square(2), code="12a"))


def test_overlapping_file_is_refused(tmp_path: Path) -> None:
    cells = [cell(0, 0, east=1.2), cell(1, 0)]
    with pytest.raises(GridError, match="overlap of"):
        load_grid(write(tmp_path, cells))


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"features": [{}]}'])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "grid.geojson"
    path.write_text(text, "utf-8")
    with pytest.raises(GridError):
        load_grid(GridSettings(path=path))


def test_33000_cells_are_indexed() -> None:
    grid = Grid([cell(c, r) for r in range(182) for c in range(182)])
    random = np.random.default_rng(1)
    places = 116.3 + random.uniform(0, 0.18, 200), 39.9 + random.uniform(0, 0.18, 200)
    begun = time.process_time()
    found = [grid.cell_at(float(x), float(y)) for x, y in zip(*places, strict=True)]
    assert all(found)
    assert (time.process_time() - begun) / 200 < 0.005
