"""`skygrid bench`: every benchmark prints a table and writes its figures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Benchmarks; each prints a table and writes its figures.")

JsonFile = Annotated[Path | None, typer.Option("--json", help="Write the figures here as JSON.")]
Weights = Annotated[str, typer.Option(help="Name of a shipped weight, or a weight directory.")]


@app.command()
def detect(
    data: Annotated[
        Path | None, typer.Option(help="Annotated pictures; else SKYGRID_DATA.")
    ] = None,
    weights: Weights = "patrol11n",
    json_file: JsonFile = None,
    plots: Annotated[Path | None, typer.Option(help="Where plots and sheets go.")] = None,
    input_size: Annotated[tuple[int, int], typer.Option(help="Height and width.")] = (640, 640),
    split: Annotated[
        str | None, typer.Option(help="test, val or train; the best there is.")
    ] = None,
) -> None:
    """COCO figures per class, size and set; crowd counting; the patrol's own rates."""
    from bench.detect import run

    run(
        data=data,
        weights=weights,
        json_file=json_file,
        plots=plots,
        input_size=input_size,
        split=split,
    )
