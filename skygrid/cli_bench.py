"""`skygrid bench`: every benchmark prints a table and writes its figures."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress

from skygrid import bench_tables as tables
from skygrid.failures import is_expected

app = typer.Typer(help="Benchmarks; each prints a table and writes its figures.")
console = Console()
LOG_EVERY_S = 30.0

JsonFile = Annotated[Path | None, typer.Option("--json", help="Write the figures here as JSON.")]
Weights = Annotated[str, typer.Option(help="Name of a shipped weight, or a weight directory.")]
Data = Annotated[Path | None, typer.Option("--data", help="Annotated pictures, or SKYGRID_DATA.")]
Footage = Annotated[Path | None, typer.Option("--footage", help="Clips, or SKYGRID_FOOTAGE.")]
Density = Annotated[str | None, typer.Option(help="Weight of kind density, for crowds.")]
Out = Annotated[Path, typer.Option("--out", help="Folder for reports.")]


@app.command()
def detect(
    data: Data = None,
    weights: Weights = "patrol11n",
    json_file: JsonFile = None,
    plots: Annotated[Path | None, typer.Option(help="Where plots and sheets go.")] = None,
    input_size: Annotated[tuple[int, int], typer.Option(help="Height and width.")] = (640, 640),
    split: Annotated[str | None, typer.Option(help="test, val or train.")] = None,
    density: Annotated[
        str, typer.Option(help="Density weight that also counts crowds; empty: boxes alone.")
    ] = "crowd-research",
    against: Annotated[
        Path | None, typer.Option(help="JSON of the weight in use: adopt this one or not?")
    ] = None,
    own: Annotated[
        list[str] | None, typer.Option(help="A set of yours, where the patrol's rates decide.")
    ] = None,
) -> None:
    """COCO figures per class, size and set; crowd counting; the patrol's own rates."""
    from bench.detect import run
    from bench.detect_compare import compare, read_report

    before = read_report(against) if against else None
    report = run(
        data=data,
        weights=weights,
        json_file=json_file,
        plots=plots,
        input_size=input_size,
        split=split,
        density=density or None,
    )
    if before is None:
        return
    found = compare(before, report, own or ())
    console.print(tables.comparison(found))
    for reason in found.against:
        console.print(f"against it: {reason}", highlight=False)
    if found.against:
        raise typer.Exit(1)
    console.print("adopt it, if the incident benchmark raises no more false alarms on your clips")


@app.command()
def detector(weights: Weights = "patrol11n", rounds: int = 25, json_file: JsonFile = None) -> None:
    """Pictures per second on one core, in pairs with Ultralytics' own OpenVINO predict."""
    from bench.detector_speed import run

    run(weights, rounds=rounds, json_file=json_file)


@app.command()
def incidents(
    weights: Annotated[
        str, typer.Option(help="Weight, or `truth` to measure decisions without detection.")
    ] = "patrol11n",
    density: Density = None,
    small: Annotated[bool, typer.Option(help="Only the committed clips.")] = False,
    real: Annotated[bool, typer.Option(help="Only the clips of the footage.")] = False,
    quick: Annotated[bool, typer.Option(help="At the patrol's own pace, few conditions.")] = False,
    only: Annotated[list[str] | None, typer.Option(help="Beginnings of clips' names.")] = None,
    data: Data = None,
    footage: Footage = None,
    quiet_days: Annotated[int, typer.Option(help="Simulated camera-days without incidents.")] = 0,
    against: Annotated[Path | None, typer.Option(help="results.json of an earlier run.")] = None,
    out: Out = Path("out/incidents"),
) -> None:
    """Missed, wrong, doubled and late incidents on clips with truth, next to baselines."""
    from bench.incidents.command import IncidentBench, bench_incidents

    wanted = IncidentBench(
        out=out,
        weights=weights,
        density=density,
        small=small,
        real=real,
        quick=quick,
        only=tuple(only or ()),
        footage=footage or _place("SKYGRID_FOOTAGE", "footage"),
        data=data or _place("SKYGRID_DATA", "data"),
        quiet_days=quiet_days,
        against=against,
    )
    with Progress(console=console) as progress:
        result, worse = bench_incidents(wanted, _bar(progress, "incidents"))
    console.print(tables.scores(result.scores))
    console.print(f"report: {out / 'report.html'}", highlight=False)
    _tell_worse(worse)


@app.command()
def fusion(
    runs: Annotated[int, typer.Option(min=1, help="Randomised runs of the square.")] = 200,
    messages: Annotated[int, typer.Option(min=0, help="Messages through the ledger.")] = 30_000,
    json_file: JsonFile = None,
    picture: Annotated[Path | None, typer.Option(help="PNG of a run on the map.")] = None,
) -> None:
    """One incident from many cameras: merge F1, duplicates, wrong joins, places, load."""
    from rich.markdown import Markdown

    from bench.fusion import FusionBench, run, table

    def say(text: str) -> None:
        console.print(text, style="dim")

    report = run(FusionBench(runs=runs, messages=messages), json_file, picture, say)
    console.print(Markdown(table(report)))


@app.command()
def quiet(
    days: Annotated[int, typer.Option(min=1, help="Simulated camera-days.")] = 10,
    glance: Annotated[float, typer.Option(help="Seconds between glances.")] = 10.0,
    minutes: Annotated[float | None, typer.Option(help="Begin nothing new after these.")] = None,
    again: Annotated[bool, typer.Option(help="Judge all again, with kept detections.")] = False,
    against: Annotated[Path | None, typer.Option(help="quiet.json of an earlier run.")] = None,
    weights: Weights = "patrol11n",
    data: Data = None,
    footage: Footage = None,
    out: Out = Path("out/incidents"),
) -> None:
    """False alarms over days in which nothing is wrong; a run broken off is resumed."""
    from bench.incidents.command import IncidentBench, bench_quiet, earlier_quiet
    from bench.incidents.compare import compare_quiet
    from bench.incidents.quiet import QuietOptions

    wanted = IncidentBench(
        out=out,
        weights=weights,
        footage=footage or _place("SKYGRID_FOOTAGE", "footage"),
        data=data or _place("SKYGRID_DATA", "data"),
    )
    before = earlier_quiet(against, glance) if against else None
    most_s = None if minutes is None else minutes * 60
    again = again or against is not None  # what an older commit raised says nothing of this one
    options = QuietOptions(days, glance, most_s=most_s, again=again)
    with Progress(console=console) as progress:
        result = bench_quiet(wanted, options, _bar(progress, "quiet days"))
    console.print(tables.quiet(result))
    console.print(f"report: {out / 'quiet.html'}", highlight=False)
    _tell_worse(compare_quiet(before, result) if before else ())


@app.command()
def track(
    footage: Footage = None,
    rates: Annotated[
        list[float] | None, typer.Option("--fps", help="Several may be given.")
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """HOTA, CLEAR and Identity of trackers on true boxes, at the rates of glances."""
    from bench.errors import NothingToMeasure
    from bench.track import RATES, TRACKERS, measure, mot_clips

    place = footage or _place("SKYGRID_FOOTAGE", "footage")
    clips = mot_clips(place) if place is not None else []
    if not clips:
        raise NothingToMeasure("footage must hold folders with gt.txt and meta.json, found none")
    rows = measure(clips, rates or RATES, sorted(TRACKERS, reverse=True))
    console.print(tables.tracking(rows))
    _write(json_file, rows)


@app.command()
def forgetting(
    start: Annotated[
        Path, typer.Option(exists=True, dir_okay=False, help="COCO checkpoint that knows them.")
    ],
    footage: Footage = None,
    weights: Weights = "patrol11n",
    json_file: JsonFile = None,
) -> None:
    """How many persons and vehicles of real clips, sure to the COCO start, a weight still finds."""
    from bench.errors import NothingToMeasure
    from bench.forgetting import run

    place = footage or _place("SKYGRID_FOOTAGE", "footage")
    if place is None:
        raise NothingToMeasure("real clips must be named by --footage or SKYGRID_FOOTAGE")
    result = run(footage=place, start=start, weights=weights)
    console.print(tables.forgetting(result))
    _write(json_file, result)


@app.command()
def crowd(
    data: Data = None,
    weights: Weights = "patrol11n",
    density: Density = None,
    split: Annotated[str, typer.Option(help="val, train or test.")] = "val",
    json_file: JsonFile = None,
) -> None:
    """Error of counting people as the patrol does, next to bare boxes."""
    from bench.crowd import count_crowds
    from bench.errors import NothingToMeasure
    from models.settings import CrowdSettings, DetectorSettings

    place = data or _place("SKYGRID_DATA", "data")
    if place is None:
        raise NothingToMeasure("counted pictures must be named by --data or SKYGRID_DATA")
    settings = DetectorSettings(weights=weights, timeout_s=300.0)
    result = count_crowds(place, settings, CrowdSettings(density_weights=density), split)
    console.print(tables.crowd(result))
    console.print(f"{result['share']:.2f} of the error of bare boxes", highlight=False)
    _write(json_file, result)


@app.command()
def review(
    incidents: Annotated[int, typer.Option(min=100, help="In the store.")] = 100_000,
    operators: Annotated[int, typer.Option(min=1, max=200, help="At work at once.")] = 20,
    seconds: Annotated[float, typer.Option(min=1, help="Of each round of work.")] = 20.0,
    presses: Annotated[int, typer.Option(min=0, help="Verdicts in Chromium; 0: none.")] = 12,
    json_file: JsonFile = None,
) -> None:
    """The review server with a full store, and the page from the key to the first frame."""
    from bench.review.command import ReviewBench, bench_review

    def say(text: str) -> None:
        console.print(text, style="dim")

    report = bench_review(ReviewBench(incidents, operators, seconds, presses), say)
    _write(json_file, report)
    console.print_json(json.dumps(report, ensure_ascii=False))


@app.command()
def speed(
    quick: Annotated[bool, typer.Option(help="One round of short windows.")] = False,
    rounds: Annotated[int, typer.Option(min=1, help="Pairs behind each median.")] = 5,
    weights: Weights = "patrol11n",
    footage: Footage = None,
    out: Out = Path("out/speed"),
) -> None:
    """CPU per camera of the patrol and its peers on the same RTSP streams, split by stage."""
    from bench.speed.command import SpeedBench, run

    clips = footage or _place("SKYGRID_FOOTAGE", "footage")
    source = (clips or Path()) / "intel-one-by-one-person.mp4"
    if not source.is_file():
        source = Path(__file__).parents[1] / "sample_videos" / "clips" / "demo-dumping.mp4"
    wanted = SpeedBench(out, source, weights, rounds)
    if quick:
        wanted = replace(
            wanted, rounds=1, window_s=8.0, recall=False, growth=(), hold_s=0.0, delays=0
        )
        wanted = replace(wanted, other_shapes=())
    report = run(wanted, lambda text: console.print(text, style="dim"))
    console.print(tables.speed(report))
    for line in tables.speed_notes(report):
        console.print(line, highlight=False)
    console.print(f"report: {out / 'speed.md'}, figures: {out / 'speed.json'}", highlight=False)


@app.command("all")
def everything(out: Out = Path("out")) -> None:
    """All of them, one after the other; what needs absent pictures or clips says so.

    A part that fails does not keep the others from running; the exit code is 1 in the end. Quiet
    days come before incidents, whose report shows them; those of another commit are judged again.
    """
    out.mkdir(parents=True, exist_ok=True)
    pictures = _place("SKYGRID_DATA", "data") is not None
    clips = _place("SKYGRID_FOOTAGE", "footage") is not None
    parts: tuple[tuple[str, bool, Callable[[], None]], ...] = (
        ("detect", pictures, lambda: detect(json_file=out / "detect.json")),
        ("detector", True, lambda: detector(json_file=out / "detector.json")),
        ("fusion", True, lambda: fusion(json_file=out / "fusion.json", picture=out / "fusion.png")),
        ("crowd", pictures, lambda: crowd(json_file=out / "crowd.json")),
        ("track", clips, lambda: track(json_file=out / "track.json")),
        ("quiet", pictures or clips, lambda: quiet(out=out / "incidents", again=True)),
        ("incidents", True, lambda: incidents(out=out / "incidents")),
        ("review", True, lambda: review(json_file=out / "review.json")),
        ("speed", True, lambda: speed(out=out / "speed")),
    )
    failed = []
    for name, possible, part in parts:
        if not possible:
            console.print(f"bench {name} skipped: see SKYGRID_DATA and SKYGRID_FOOTAGE")
        elif not _succeeds(name, part):
            failed.append(name)
    if failed:
        console.print(f"[red]failed:[/] {', '.join(failed)}", highlight=False)
        raise typer.Exit(1)


def _tell_worse(worse: Sequence[object]) -> None:
    """Say what became worse than in an earlier run, and fail if anything did."""
    for regression in worse:
        console.print(f"[red]worse:[/] {regression}", highlight=False)
    if worse:
        raise typer.Exit(1)


def _succeeds(name: str, part: Callable[[], None]) -> bool:
    """Run one benchmark; whatever stops it is shown, and the next one runs all the same."""
    try:
        part()
    except typer.Exit as ended:
        return ended.exit_code == 0
    except Exception as error:
        console.print(f"[red]bench {name}:[/] {escape(str(error))}", highlight=False)
        if not is_expected(error):
            console.print_exception()
        return False
    return True


def _write(path: Path | None, figures: object) -> None:
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def _bar(progress: Progress, name: str) -> Callable[[str, int, int], None]:
    """A bar on a terminal; a line every while in a log, where bars do not show."""
    task = progress.add_task(name, total=None)
    told_s = -LOG_EVERY_S

    def show(what: str, step: int, steps: int) -> None:
        nonlocal told_s
        progress.update(task, description=what, completed=step, total=steps)
        now_s = time.monotonic()
        if not console.is_terminal and now_s - told_s >= LOG_EVERY_S:
            told_s = now_s
            console.print(f"{name}: {what}, {step} of {steps}", highlight=False)

    return show


def _place(variable: str, name: str) -> Path | None:
    """Where real pictures or clips are: the variable, else ../shared/<name>; None when absent."""
    beside = Path(__file__).parents[2] / "shared" / name
    path = Path(os.environ[variable]) if variable in os.environ else beside
    return path if path.is_dir() else None
