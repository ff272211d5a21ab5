"""What sample clips there are: rendered ones in the package, public ones in the manifest."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from sample_videos.errors import SampleError

HERE = Path(__file__).parent
SCENES = HERE / "scenes"
CLIPS = HERE / "clips"
TRUTH = HERE / "truth"
MANIFEST = HERE / "manifest.yaml"


class PublicClip(BaseModel):
    """A clip that somebody else publishes.

    Attributes:
        id: Our name for it.
        file: File name under which it is kept.
        url: Address pinned to a commit.
        licence: As its publisher states it.
        seen: What is to be seen.
        sha256: Of its bytes, if known.
        git_blob: SHA-1 of "blob <size>\\0" + bytes, as git names it, if known.
        mirror: File name in a mirror directory; `file` if none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[a-z0-9-]+$")
    file: str = Field(pattern=r"^[A-Za-z0-9._-]+$")
    url: str = Field(pattern=r"^https://.*[0-9a-f]{40}")
    licence: str = Field(min_length=3)
    seen: str = Field(min_length=3)
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    git_blob: str | None = Field(default=None, pattern=r"^[0-9a-f]{40}$")
    mirror: str | None = Field(default=None, pattern=r"^[A-Za-z0-9._/-]+$")

    @model_validator(mode="after")
    def _has_hash(self) -> PublicClip:
        if self.sha256 is None and self.git_blob is None:
            raise ValueError(f"clip {self.id} must have sha256 or git_blob")
        return self


@dataclass(frozen=True, slots=True)
class Sample:
    """One line of `skygrid samples list`.

    Attributes:
        id: Name.
        kind: "rendered" (scenario of ours) or "public".
        ready: The clip is on disk.
        about: What is seen.
        path: Where it is or would be, None for a scenario that was not rendered.
    """

    id: str
    kind: str
    ready: bool
    about: str
    path: Path | None


@cache
def public_clips(manifest: Path = MANIFEST) -> tuple[PublicClip, ...]:
    """The public clips that the manifest names.

    Raises:
        SampleError: the manifest does not fit.
    """
    try:
        raw = YAML(typ="safe", pure=True).load(manifest.read_text(encoding="utf-8"))
        clips = tuple(PublicClip.model_validate(clip) for clip in raw["clips"])
    except (OSError, YAMLError, KeyError, TypeError, ValidationError) as error:
        raise SampleError(f"manifest {manifest.name} is not valid: {error}") from error
    ids = [clip.id for clip in clips]
    if len(set(ids)) != len(ids):
        raise SampleError(f"manifest {manifest.name} must name each clip once")
    return clips


def scenario_files() -> tuple[Path, ...]:
    """The scenarios of the package."""
    return tuple(sorted(SCENES.glob("*.yaml")))


def samples_list(folder: Path | None = None) -> list[Sample]:
    """Every sample, and whether it is on disk.

    Args:
        folder: Where public clips were fetched and scenarios rendered to, besides the package.
    """
    from sample_videos.render import clip_name
    from sample_videos.scenario import load_scenario

    out = []
    for path in scenario_files():
        scenario = load_scenario(path)
        names = [f"{clip_name(scenario, camera)}.mp4" for camera in scenario.cameras]
        places = [CLIPS] + ([folder] if folder is not None else [])
        home = next((p for p in places if all((p / n).is_file() for n in names)), None)
        clip = home / names[0] if home is not None else None
        out.append(Sample(scenario.name, "rendered", home is not None, scenario.about, clip))
    for public in public_clips():
        target = folder / public.file if folder is not None else None
        ready = target is not None and target.is_file()
        out.append(Sample(public.id, "public", ready, f"{public.seen} [{public.licence}]", target))
    return out
