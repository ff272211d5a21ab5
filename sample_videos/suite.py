"""The rendered set of the benchmark: every scenario, and variants of light, weather, pace.

Nearly everything is drawn at `SUITE_FPS`, because drawing and looking cost by the picture; every
scene and a part of the composites are also drawn at 25 fps, so that paces above `SUITE_FPS` are
compared on pictures that really are so dense.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
from pydantic import BaseModel, ConfigDict, ValidationError
from ruamel.yaml import YAML

from sample_videos.catalogue import HERE, scenario_files
from sample_videos.errors import ScenarioError
from sample_videos.pictures import Pictures
from sample_videos.render import RENDERER, Rendered, render, rendered_in
from sample_videos.scenario import Scenario, load_scenario

VARIANTS = HERE / "variants.yaml"
SUITE_FPS = 2.0
"""The demo's scenarios are drawn at 10 fps for the eye; for the benchmark this many are enough."""
_DENSE = {"fps": 25}

Progress = Callable[[str, int, int], None]


class Variant(BaseModel):
    """A scenario with other values."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    of: str
    suffix: str
    changes: dict[str, Any]


class Matrix(BaseModel):
    """Variants by rule.

    Attributes:
        conditions: Changes by name, each made to every scenario.
        hidden: By scenario what stands before its happening.
        composites: Names of the conditions in which composites are drawn, too.
        dense_composites: Numbers of the composites of each kind that are also drawn at 25 fps, as
            every scenario is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    conditions: dict[str, dict[str, Any]]
    hidden: dict[str, dict[str, Any]]
    composites: tuple[str, ...]
    dense_composites: tuple[int, ...]

    def variants(self, names: Sequence[str]) -> Iterator[Variant]:
        """All combinations with scenarios of these names."""
        for name in names:
            for suffix, changes in self.conditions.items():
                yield Variant(of=name, suffix=suffix, changes=changes)
        for name, occluder in self.hidden.items():
            hides = {"actors": [{"id": "occluder", **occluder}]}
            yield Variant(of=name, suffix="hidden", changes=hides)
        for name in names:
            yield Variant(of=name, suffix="25fps", changes=_DENSE)


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    variants: tuple[Variant, ...]
    matrix: Matrix


def suite_scenarios(matrix: bool = True) -> list[Scenario]:
    """Every scenario of the package and every variant.

    Args:
        matrix: With every scenario in every condition, not only the variants chosen by hand.

    Raises:
        ScenarioError: a file or a variant that does not fit.
    """
    base = {s.name: _paced(s) for s in (load_scenario(path) for path in scenario_files())}
    out = dict(base)
    for variant in _variants(list(base), matrix):
        if variant.of not in base:
            raise ScenarioError(
                f"variant {variant.suffix} must be of one of {sorted(base)}, got {variant.of}"
            )
        scene = base[variant.of]
        varied = scene.varied(variant.suffix, variant.changes)
        if varied.model_copy(update={"name": scene.name}) != scene:
            out.setdefault(varied.name, varied)
    return list(out.values())


def in_conditions(composites: Sequence[Scenario]) -> list[Scenario]:
    """Composites under other light and weather, and compressed, and some at 25 fps."""
    matrix = _told().matrix
    changes = [(name, matrix.conditions[name]) for name in matrix.composites]
    out = [scene.varied(name, change) for scene in composites for name, change in changes]
    dense = [s for s in composites if int(s.name.rpartition("-")[2]) in matrix.dense_composites]
    return out + [scene.varied("25fps", _DENSE) for scene in dense]


def _paced(scenario: Scenario) -> Scenario:
    return scenario.model_copy(update={"fps": min(SUITE_FPS, scenario.fps)})


def _variants(names: Sequence[str], matrix: bool) -> list[Variant]:
    """Those chosen by hand come first: the matrix leaves them as they are."""
    told = _told()
    return [*told.variants, *(told.matrix.variants(names) if matrix else ())]


def _told() -> _File:
    raw = YAML(typ="safe", pure=True).load(VARIANTS.read_text(encoding="utf-8"))
    try:
        return _File.model_validate(raw)
    except ValidationError as error:
        raise ScenarioError(f"{VARIANTS.name} is not valid: {error}") from error


def render_suite(
    folder: Path,
    scenarios: Sequence[Scenario] | None = None,
    pictures: Pictures | None = None,
    progress: Progress | None = None,
) -> list[Rendered]:
    """Render what is not yet in a folder or was made from something else.

    A pool of as many processes as there are cores draws one scenario each, the longest first; the
    pictures are the same whatever the pool.

    Returns:
        The clips of these scenarios, and of no others that may lie in the folder.
    """
    wanted = list(scenarios if scenarios is not None else suite_scenarios())
    recipes = {s.name: recipe(s, pictures) for s in wanted}
    due = [s for s in wanted if not _is_made(s, folder, recipes[s.name])]
    due.sort(key=lambda s: s.duration_s * s.fps * len(s.cameras), reverse=True)
    if due:
        cores = os.cpu_count() or 1
        with ProcessPoolExecutor(min(cores, len(due)), get_context("spawn")) as pool:
            made = pool.map(partial(_make, folder, pictures, recipes), due)
            for number, (scenario, _) in enumerate(zip(due, made, strict=True), start=1):
                if progress is not None:
                    progress(scenario.name, number, len(due))
    return [clip for s in wanted for clip in rendered_in(s, folder)]


def recipe(scenario: Scenario, pictures: Pictures | None) -> str:
    """SHA-256 of all that makes a scenario's clips: itself, the renderer, the real pictures."""
    names = {a.picture for a in scenario.actors} | {scenario.backdrop.picture}
    files = sorted(pictures.sha256(n) for n in names if n is not None) if pictures else []
    parts = [f"renderer {RENDERER}", scenario.model_dump_json(), *files]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _recipe_file(scenario: Scenario, folder: Path) -> Path:
    return folder / f"{scenario.name}.recipe"


def _is_made(scenario: Scenario, folder: Path, wanted: str) -> bool:
    note = _recipe_file(scenario, folder)
    made = note.is_file() and note.read_text(encoding="ascii") == wanted
    return made and all(
        c.clip.is_file() and c.truth.is_file() for c in rendered_in(scenario, folder)
    )


def _make(
    folder: Path, pictures: Pictures | None, recipes: Mapping[str, str], scenario: Scenario
) -> None:
    """Render and say from what, in a process of the pool: what is done outlives an interruption."""
    cv2.setNumThreads(1)  # every core has a process of its own
    note = _recipe_file(scenario, folder)
    note.unlink(missing_ok=True)
    render(scenario, folder, pictures)
    note.write_text(recipes[scenario.name], encoding="ascii")
