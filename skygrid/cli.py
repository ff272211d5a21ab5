"""The command `skygrid`: every subcommand imports only what it needs, so that it starts fast."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from skygrid import cli_bench, cli_samples, cli_truth

app = typer.Typer(
    name="skygrid",
    help="Video patrol for cities: from street cameras to confirmed, closed incidents.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(cli_samples.app, name="samples", no_args_is_help=True)
app.add_typer(cli_truth.app, name="truth", no_args_is_help=True)
app.add_typer(cli_bench.app, name="bench", no_args_is_help=True)

SiteFile = Annotated[Path, typer.Argument(help="The site file (YAML).")]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY.PATH=VALUE", help="Override a value of the site file."),
]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write the result here as JSON.")]

Start = Annotated[Path, typer.Option(help="Ultralytics checkpoint to start from.")]
RunDirectory = Annotated[Path, typer.Option(help="Of the run; a run there goes on.")]
PictureSets = Annotated[Path | None, typer.Option(help="Picture sets, or SKYGRID_DATA.")]
Hours = Annotated[float, typer.Option(min=0.01, help="Length of the run.")]
Steps = Annotated[int | None, typer.Option(min=1, help="Instead of hours.")]

console = Console()


def main() -> None:
    """Run the command line; expected errors become one clear message and exit code 2."""
    from skygrid.failures import is_expected

    try:
        app()
    except Exception as error:
        if not is_expected(error):
            raise
        message = Text.assemble(("error: ", "bold red"), str(error))
        Console(stderr=True).print(message, soft_wrap=True)
        sys.exit(2)


@app.command()
def run(
    site: SiteFile,
    overrides: Overrides = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="Log lines instead of a live table.")
    ] = False,
) -> None:
    """Patrol the site's cameras until stopped."""
    from skygrid.run import run_site

    raise typer.Exit(run_site(_site(site, overrides), plain=plain))


@app.command()
def check(
    site: SiteFile,
    overrides: Overrides = None,
    stills: Annotated[Path, typer.Option(help="Where pictures with zones drawn go.")] = Path(
        "out/check"
    ),
) -> None:
    """Open every camera once, draw its zones on a still, and say what is wrong."""
    import logging

    from skygrid.check import check_site
    from skygrid.logging import log_to_stderr

    log_to_stderr(logging.WARNING)
    raise typer.Exit(check_site(_site(site, overrides), stills, console))


@app.command()
def calibrate(
    still: Annotated[Path, typer.Argument(help="A picture of the view.")],
    points: Annotated[
        Path | None, typer.Option(help="YAML as in the site file, or CSV with x,y,lon,lat.")
    ] = None,
    point: Annotated[
        list[str] | None, typer.Option(metavar="X,Y,LON,LAT", help="One ground point.")
    ] = None,
    crs: Annotated[str | None, typer.Option(help="wgs84, gcj02 or cgcs2000.")] = None,
    step_m: Annotated[float, typer.Option(min=0.1, help="Distance of the grid's lines.")] = 5.0,
    out: Annotated[Path, typer.Option(help="Folder for grid, map and section.")] = Path(
        "out/calibrate"
    ),
    json_file: JsonFile = None,
) -> None:
    """Fit ground points, say their errors, draw the ground grid over the still."""
    from skygrid.calibrate import CalibrateOptions
    from skygrid.calibrate import calibrate as fit

    options = CalibrateOptions(still, points, tuple(point or ()), crs, step_m, out)
    report = fit(options, console)
    if json_file is not None:
        _write_json(report, json_file)


@app.command()
def serve(site: SiteFile, overrides: Overrides = None) -> None:
    """Serve the review page and the API on the site's store."""
    from skygrid.serve import serve_site

    serve_site(_site(site, overrides))


@app.command()
def listen(
    site: Annotated[Path | None, typer.Argument(help="The site file, for its queue.")] = None,
    redis: Annotated[str | None, typer.Option(help="redis://…, instead of a site file.")] = None,
    stream: Annotated[str, typer.Option(help="With --redis: its stream.")] = "skygrid:incidents",
    group: Annotated[
        str, typer.Option(help="Consumer group; each gets every event once.")
    ] = "listen",
    consumer: Annotated[str, typer.Option(help="Name of this consumer in its group.")] = "cli",
    from_start: Annotated[bool, typer.Option(help="A new group starts with what is kept.")] = False,
    once: Annotated[bool, typer.Option(help="Stop when nothing is left.")] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Stop after so many events.")] = None,
) -> None:
    """Print incidents from the queue and acknowledge them."""
    from skygrid.listen import listen as consume
    from skygrid.run import stop_on_signals

    if redis is None:
        if site is None:
            raise typer.BadParameter("give a site file or --redis")
        patrol = _site(site, None)
        redis, stream = _queue_url(patrol), patrol.queue.stream
    with stop_on_signals() as stop:
        consume(
            redis,
            group,
            consumer,
            stream=stream,
            once=once,
            limit=limit,
            from_start=from_start,
            stop=stop,
            console=console,
        )


@app.command()
def demo(
    seconds: Annotated[
        float | None, typer.Option("--for", help="Stop after so many seconds.")
    ] = None,
    json_file: JsonFile = None,
    folder: Annotated[Path, typer.Option("--dir", help="Where the demo keeps its data.")] = Path(
        "data/demo"
    ),
    port: Annotated[int, typer.Option(help="Of the review page; 0: any free port.")] = 8330,
) -> None:
    """Play sample cameras over RTSP, patrol them, and show what is found."""
    from skygrid.demo import DemoOptions, run_demo

    raise typer.Exit(run_demo(DemoOptions(seconds, json_file, folder, port), console))


@app.command()
def train(
    start: Start,
    directory: RunDirectory,
    name: Annotated[
        str, typer.Option(help="Of the weight; …-research may use every set.")
    ] = "patrol11n",
    data: PictureSets = None,
    also: Annotated[
        Path | None, typer.Option(help="More sets to learn from; see samples pictures.")
    ] = None,
    teacher: Annotated[Path | None, typer.Option(help="COCO checkpoint as a teacher.")] = None,
    elder: Annotated[
        Path | None, typer.Option(help="Patrol checkpoint whose answers count beside the labels.")
    ] = None,
    elder_class: Annotated[
        list[str] | None, typer.Option(help="A class the elder is asked for; repeat it.")
    ] = None,
    kept: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the start's weights that stays.")
    ] = 0.0,
    soup: Annotated[
        list[Path] | None,
        typer.Option(help="average.pt of another run from this start; repeat it: the mean ships."),
    ] = None,
    mine: Annotated[
        bool, typer.Option("--mine", help="Draw more often what misleads the start.")
    ] = False,
    size: Annotated[int, typer.Option(min=64, help="Side of training pictures, px.")] = 416,
    final_size: Annotated[int, typer.Option(min=64, help="In the last quarter.")] = 416,
    batch: Annotated[int, typer.Option(min=1, help="Pictures a batch.")] = 8,
    frozen: Annotated[int, typer.Option(min=0, help="First layers that stay as they are.")] = 0,
    hours: Hours = 1.5,
    steps: Steps = None,
    rate: Annotated[float, typer.Option(min=0, help="Highest learning rate.")] = 8e-4,
    threads: Annotated[int, typer.Option(min=0, help="0 for all cores.")] = 0,
    seed: int = 0,
    device: Annotated[str, typer.Option(help="cpu or cuda:0.")] = "cpu",
    compiled: Annotated[
        bool, typer.Option("--compile", help="Faster on older CPUs; needs a C++ compiler.")
    ] = False,
    share: Annotated[
        list[str] | None, typer.Option(help="SET=0..1 of the pictures drawn; the rest is shared.")
    ] = None,
    bfloat16: Annotated[
        bool, typer.Option("--bfloat16", help="Up to twice as fast on CPUs made for it (Zen 4).")
    ] = False,
) -> None:
    """Train a detector: teach, train, export, measure, write the card; resumable."""
    from models.training.command import train as run_training
    from models.training.lineage import Lineage
    from models.training.sampling import shares_of

    shares = shares_of(share or ())
    directory.mkdir(parents=True, exist_ok=True)
    made = run_training(
        lineage=Lineage(
            start, teacher, elder, tuple(elder_class or ()), kept, mine, tuple(soup or ())
        ),
        directory=directory,
        name=name,
        data=data,
        also=also,
        size_px=size,
        final_size_px=final_size,
        batch_size=batch,
        frozen_layers=frozen,
        hours=hours,
        steps=steps,
        rate=rate,
        threads=threads,
        seed=seed,
        device=device,
        compiled=compiled,
        bfloat16=bfloat16,
        shares=shares,
        say=_say,
    )
    console.print(f"weight: {made}", highlight=False)


@app.command()
def annotate(
    clip: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The clip.")],
    truth: Annotated[
        Path | None, typer.Option(help="The truth file; <clip>.truth.json beside it by default.")
    ] = None,
    start: Annotated[
        datetime | None, typer.Option(help="Wall clock of the first picture, UTC.")
    ] = None,
    port: Annotated[int, typer.Option(help="Of the page, on this machine only.")] = 8340,
) -> None:
    """Watch a clip in the browser, mark incidents, save a validated truth file."""
    from sample_videos.annotate import annotate_app, draft_of, serve_annotate

    target = truth or clip.with_name(f"{clip.stem}.truth.json")
    draft = draft_of(clip, start.replace(tzinfo=UTC) if start else None)
    console.print(f"http://127.0.0.1:{port}/ writes {target}", highlight=False, soft_wrap=True)
    serve_annotate(annotate_app(clip, target, draft), port)


@app.command("train-density")
def train_density(
    start: Start,
    directory: RunDirectory,
    name: Annotated[str, typer.Option(help="Of the weight, ending in -research.")] = (
        "crowd-research"
    ),
    data: PictureSets = None,
    hours: Hours = 1.0,
    steps: Steps = None,
    seed: int = 0,
) -> None:
    """Train a crowd counter on pictures with head points; resumable."""
    from models.training.density.command import train_density as run_training

    made = run_training(
        start=start,
        directory=directory,
        name=name,
        data=data,
        hours=hours,
        steps=steps,
        seed=seed,
        say=_say,
    )
    console.print(f"weight: {made}", highlight=False)


@app.command("export-verdicts")
def export_verdicts(
    site: SiteFile,
    out: Annotated[Path, typer.Argument(help="A new or empty folder.")],
    overrides: Overrides = None,
    licence: Annotated[
        str, typer.Option(help="Of the pictures; a default weight learns from CC0 and the like.")
    ] = "not stated",
) -> None:
    """Write judged pictures with boxes and verdicts: COCO, YOLO, and a set to learn from."""
    from api.export import ExportOptions
    from api.export import export_verdicts as export
    from models.labels import LABELS
    from models.training.manifest import licence_allows
    from pipeline.ledger.database import open_engine

    patrol = _site(site, overrides)
    engine = open_engine(patrol.database_url)
    report = export(
        engine, patrol.data_dir / "evidence", out, ExportOptions(LABELS, licence=licence)
    )
    console.print(
        f"{report.images} pictures: {report.accepted} accepted, {report.rejected} rejected, "
        f"{report.hard_negatives} of them hard negatives; {report.lessons} teach the detector, "
        f"{report.kept_back} of these are kept back for validation"
    )
    if report.without_picture:
        console.print(f"{report.without_picture} more have lost their picture and are left out")
    if not report.kept_back:
        console.print("no camera-day fell to validation: export more days before comparing")
    if not licence_allows(licence):
        console.print(f'licence "{licence}": only a weight named -research may learn from them')


@app.command()
def schema(output: Annotated[Path | None, typer.Option("--output", "-o")] = None) -> None:
    """Print the JSON Schema of the site file."""
    from pipeline.site.settings import Site

    _write_json(Site.model_json_schema(), output)


@app.command()
def version() -> None:
    """Print the version of SkyGrid and of the parts that decide what it sees."""
    from skygrid.versions import versions

    for name, number in versions().items():
        console.print(f"{name:16} {number}", highlight=False)


def _say(line: str) -> None:
    console.print(line, highlight=False)


def _queue_url(site: Any) -> str:
    url: str = site.queue.redis.get_secret_value()
    if url != "embedded":
        return url
    from pipeline.queue.embedded import EmbeddedRedis

    return EmbeddedRedis(site.data_dir).url


def _site(path: Path, overrides: list[str] | None) -> Any:
    import os

    from pipeline.site.load import load_site

    return load_site(path, overrides or (), os.environ)


def _write_json(value: Any, output: Path | None) -> None:
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    if output is None:
        print(text)  # noqa: T201 - the output is the product here, rich would wrap it
    else:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text + "\n", encoding="utf-8")
