"""`skygrid bench`: every benchmark prints a table and writes its figures."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from skygrid.failures import is_expected

if TYPE_CHECKING:
    from bench.detect_compare import Comparison
    from bench.incidents.scores import Score

app = typer.Typer(help="Benchmarks; each prints a table and writes its figures.")
console = Console()

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
    if before is not None:
        _print_comparison(compare(before, report, own or ()))


def _print_comparison(found: Comparison) -> None:
    """Leaves with 1 when the newer weight should not be adopted."""
    table = Table("set", "class", "objects", "mAP50 before", "now", "difference")
    for d in found.differences:
        points = f"{100 * (d.after - d.before):+.1f}"
        table.add_row(
            d.set_name, d.label, str(d.objects), f"{d.before:.3f}", f"{d.after:.3f}", points
        )
    console.print(table)
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
    console.print(_scores(result.scores))
    console.print(f"report: {out / 'report.html'}", highlight=False)
    for regression in worse:
        console.print(f"[red]worse:[/] {regression}", highlight=False)
    if worse:
        raise typer.Exit(1)


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
    weights: Weights = "patrol11n",
    data: Data = None,
    footage: Footage = None,
    out: Out = Path("out/incidents"),
) -> None:
    """False alarms over days in which nothing is wrong; a run broken off is resumed."""
    from bench.incidents.command import IncidentBench, bench_quiet
    from bench.incidents.quiet import QuietOptions

    wanted = IncidentBench(
        out=out,
        weights=weights,
        footage=footage or _place("SKYGRID_FOOTAGE", "footage"),
        data=data or _place("SKYGRID_DATA", "data"),
    )
    most_s = None if minutes is None else minutes * 60
    options = QuietOptions(days, glance, most_s=most_s, again=again)
    with Progress(console=console) as progress:
        result = bench_quiet(wanted, options, _bar(progress, "quiet days"))
    table = Table("places", "camera-days", "pictures", "false alarms", "per camera-day", "95 %")
    for name, rate in {"all": result["all"], **result["by_kind"]}.items():
        low, high = rate["interval"]
        table.add_row(
            name,
            f"{rate['camera_days']:.2f}",
            str(rate["pictures"]),
            str(rate["false_alarms"]),
            "" if rate["false_per_day"] is None else f"{rate['false_per_day']:.3g}",
            "" if high is None else f"{low:.3g} to {high:.3g}",
        )
    console.print(table)
    console.print(f"report: {out / 'quiet.html'}", highlight=False)


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
    table = Table(*rows[0])
    for row in rows:
        shown = {**row, "fps": f"{row['fps']:g}"}
        table.add_row(*(f"{v:.3f}" if isinstance(v, float) else str(v) for v in shown.values()))
    console.print(table)
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
    table = Table("class", "found", "of")
    for label, row in result["classes"].items():
        table.add_row(label, f"{row['recall']:.3f}", str(row["n"]))
    table.add_row("all", f"{result['recall']:.3f}" if result["n"] else "–", str(result["n"]))
    console.print(table)
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
    table = Table("counted by", "pictures", "MAE", "RMSE")
    for name in ("patrol", "boxes"):
        errors = result[name]
        table.add_row(name, str(errors["n"]), f"{errors['mae']:.1f}", f"{errors['rmse']:.1f}")
    console.print(table)
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
    table = Table(
        "variant", "cameras", "CPU per camera", "per core", "against patrol", "due held", "found"
    )
    for row in report["variants"]:
        recall = row["recall"]
        table.add_row(
            row["name"],
            str(row["cameras"]),
            f"{row['cpu_percent_per_camera']:.2f} %",
            f"{row['cameras_per_core']:.1f}",
            "" if row["ratio"] is None else f"{row['ratio']:.2f}×",
            f"{row['share_of_due']:.0%}",
            f"{recall['found']} of {recall['incidents']}" if recall else "",
        )
    console.print(table)
    for name, why in report["about"]["left_out"].items():
        console.print(f"left out: {name}, {why}", highlight=False)
    if delay := report["delay"]:
        console.print(
            f"from a bare head to the queue: p50 {delay['p50']} s, p95 {delay['p95']} s of "
            f"{delay['n']}, {delay['missed']} missed; keyframes every {delay['keyframe_s']} s"
        )
    for row in report["growth"]:
        console.print(f"{row['cameras']} cameras, 10 s: {row['cpu_percent_per_camera']:.2f} % each")
    for held in report["held"]:
        console.print(f"{held['cameras']} cameras, 2 s: {'held' if held['holds'] else 'not held'}")
    console.print(f"report: {out / 'speed.md'}, figures: {out / 'speed.json'}", highlight=False)


@app.command("all")
def everything(out: Out = Path("out")) -> None:
    """All of them, one after the other; what needs absent pictures or clips says so.

    A part that fails does not keep the others from running; the exit code is 1 in the end. Quiet
    days come before incidents, whose report shows them.
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
        ("quiet", pictures or clips, lambda: quiet(out=out / "incidents")),
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


def _scores(scores: Mapping[str, Score]) -> Table:
    table = Table(
        "type", "incidents", "found", "recall", "precision", "doubled", "false", "p95 delay"
    )
    for name, score in scores.items():
        table.add_row(
            name,
            str(score.incidents),
            str(score.found),
            _share(score.recall),
            _share(score.precision),
            str(score.duplicates),
            str(score.false_alarms),
            "" if score.delay_p95_s is None else f"{score.delay_p95_s:.1f} s",
        )
    return table


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _bar(progress: Progress, name: str) -> Callable[[str, int, int], None]:
    task = progress.add_task(name, total=None)

    def show(what: str, step: int, steps: int) -> None:
        progress.update(task, description=what, completed=step, total=steps)

    return show


def _place(variable: str, name: str) -> Path | None:
    """Where real pictures or clips are: the variable, else ../shared/<name>; None when absent."""
    beside = Path(__file__).parents[2] / "shared" / name
    path = Path(os.environ[variable]) if variable in os.environ else beside
    return path if path.is_dir() else None
