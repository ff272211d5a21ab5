"""The rendered set of the benchmark: every scenario, and variants of light, weather, pace."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from ruamel.yaml import YAML

from sample_videos.catalogue import HERE, scenario_files
from sample_videos.errors import ScenarioError
from sample_videos.pictures import Pictures
from sample_videos.render import Rendered, clip_name, render
from sample_videos.scenario import Scenario, load_scenario

VARIANTS = HERE / "variants.yaml"
SUITE_FPS = 2.0
"""The demo's scenarios are drawn at 10 fps for the eye; for the benchmark this many are enough."""

Progress = Callable[[str, int, int], None]


class Variant(BaseModel):
    """A scenario with other values."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    of: str
    suffix: str
    changes: dict[str, Any]


def suite_scenarios(fps: float | None = SUITE_FPS) -> list[Scenario]:
    """Every scenario of the package and every variant.

    Args:
        fps: Pace of those whose variant does not set one; None keeps each file's own.

    Raises:
        ScenarioError: a file or a variant that does not fit.
    """
    base = {s.name: s for s in (load_scenario(path) for path in scenario_files())}
    out = [_paced(s, fps) for s in base.values()]
    for variant in _variants():
        if variant.of not in base:
            raise ScenarioError(
                f"variant {variant.suffix} must be of one of {sorted(base)}, got {variant.of}"
            )
        pace = {} if "fps" in variant.changes or fps is None else {"fps": fps}
        out.append(base[variant.of].varied(variant.suffix, {**pace, **variant.changes}))
    return out


def _paced(scenario: Scenario, fps: float | None) -> Scenario:
    return scenario if fps is None else scenario.model_copy(update={"fps": min(fps, scenario.fps)})


def _variants() -> list[Variant]:
    raw = YAML(typ="safe", pure=True).load(VARIANTS.read_text(encoding="utf-8"))
    try:
        return [Variant.model_validate(v) for v in raw["variants"]]
    except (KeyError, TypeError, ValidationError) as error:
        raise ScenarioError(f"{VARIANTS.name} is not valid: {error}") from error


def render_suite(
    folder: Path,
    scenarios: Sequence[Scenario] | None = None,
    pictures: Pictures | None = None,
    progress: Progress | None = None,
) -> list[Rendered]:
    """Render what is not yet in a folder; a clip that is there with its truth is left alone."""
    wanted = list(scenarios if scenarios is not None else suite_scenarios())
    out = []
    for number, scenario in enumerate(wanted, start=1):
        if progress is not None:
            progress(scenario.name, number, len(wanted))
        stems = [clip_name(scenario, camera) for camera in scenario.cameras]
        if not all((folder / f"{stem}.truth.json").is_file() for stem in stems):
            out += render(scenario, folder, pictures)
    return out
