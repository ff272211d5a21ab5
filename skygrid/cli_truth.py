"""`skygrid truth`: check truth files, and exchange boxes with annotation tools (files)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

if TYPE_CHECKING:
    from sample_videos.truth import Truth

app = typer.Typer(help="Truth files: check them, convert their boxes (docs/truth-format.md).")
console = Console(highlight=False, soft_wrap=True)


class Format(StrEnum):
    """What other tools read and write."""

    MOT = "mot"
    COCO = "coco"
    CVAT = "cvat"


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Truth files.")],
) -> None:
    """Validate truth files and name every fault; exit code 1 when one has any."""
    from sample_videos.errors import TruthError
    from sample_videos.truth import load_truth

    faulty = 0
    for path in files:
        try:
            truth = load_truth(path)
        except (TruthError, UnicodeError) as error:
            faulty += 1
            console.print(f"{path}: {error}", markup=False, style="red")
            continue
        console.print(
            f"{path}: valid; {len(truth.objects)} objects, {len(truth.incidents)} incidents, "
            f"{len(truth.near_misses)} near misses, {len(truth.zones)} zones",
            markup=False,
        )
    if faulty:
        raise typer.Exit(1)


@app.command()
def convert(
    source: Annotated[Path, typer.Argument(help="The file to read.")],
    target: Annotated[Path, typer.Argument(help="The file to write.")],
    to: Annotated[
        Format | None, typer.Option("--to", help="SOURCE is a truth file; write its boxes so.")
    ] = None,
    origin: Annotated[
        Format | None, typer.Option("--from", help="SOURCE is such a file; write a truth file.")
    ] = None,
    clip: Annotated[
        Path | None,
        typer.Option(
            help="With --from: the video that SOURCE is about, or a truth file of it, "
            "which keeps all but its objects."
        ),
    ] = None,
    label: Annotated[str, typer.Option(help="MOTChallenge: the one class of the file.")] = "person",
    every: Annotated[int, typer.Option(min=1, help="COCO: one picture of so many, with --to.")] = 1,
) -> None:
    """Boxes from and to MOTChallenge gt.txt, COCO detection JSON and CVAT for video 1.1.

    Say --to or --from, not both. Incidents, zones and reviews have no place in those formats:
    they stay in truth files.
    """
    from sample_videos.truth import load_truth, save_truth

    if (to is None) == (origin is None):
        raise typer.BadParameter("say either --to or --from: one side is always a truth file")
    if to is not None:
        text = _written(load_truth(source), to, label, every)
        _write(target, lambda path: path.write_text(text, encoding="utf-8"))
        console.print(f"{target}: written as {to}", markup=False)
        return
    if clip is None:
        raise typer.BadParameter("--from needs --clip, the video that SOURCE is about")
    assert origin is not None
    truth = _filled(clip, source, origin, label)
    _write(target, lambda path: save_truth(truth, path))
    console.print(f"{target}: {len(truth.objects)} objects", markup=False)


def _written(truth: Truth, to: Format, label: str, every: int) -> str:
    from sample_videos.convert import to_coco, to_cvat, to_mot

    match to:
        case Format.MOT:
            return to_mot(truth, label)
        case Format.COCO:
            return json.dumps(to_coco(truth, every)) + "\n"
        case Format.CVAT:
            return to_cvat(truth)


def _filled(clip: Path, source: Path, origin: Format, label: str) -> Truth:
    """The truth of a clip with the objects of a file."""
    from sample_videos.annotate import draft_of
    from sample_videos.convert import from_coco, from_cvat, from_mot
    from sample_videos.truth import load_truth

    about = load_truth(clip) if clip.suffix == ".json" else draft_of(clip)
    text = _text(source)
    match origin:
        case Format.MOT:
            read = from_mot(text, about.clip, label)
        case Format.COCO:
            read = from_coco(_json(source, text), about.clip)
        case Format.CVAT:
            read = from_cvat(text, about.clip)
    return about.model_copy(update={"objects": read.objects})


def _json(path: Path, text: str) -> Mapping[str, Any]:
    from sample_videos.errors import TruthError

    try:
        content = json.loads(text)
    except ValueError as error:
        raise TruthError(f"{path.name} must be JSON: {error}") from error
    if not isinstance(content, dict):
        raise TruthError(f"{path.name} must be a JSON object, got {type(content).__name__}")
    return content


def _text(path: Path) -> str:
    from sample_videos.errors import TruthError

    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise TruthError(f"{path.name} cannot be read: {error}") from error


def _write(path: Path, write: Callable[[Path], object]) -> None:
    from sample_videos.errors import TruthError

    try:
        write(path)
    except OSError as error:
        raise TruthError(f"{path.name} cannot be written: {error}") from error
