"""`skygrid samples`: list, fetch and render sample clips."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn
from rich.table import Table

app = typer.Typer(help="Sample clips: rendered scenarios and pinned public footage.")
console = Console()

Folder = Annotated[Path, typer.Option("--dir", help="Where fetched and rendered clips are.")]


@app.command("list")
def list_samples(folder: Folder = Path("data/samples")) -> None:
    """Show every sample and whether it is here."""
    from sample_videos.catalogue import samples_list

    table = Table("sample", "kind", "here", "what is seen")
    for sample in samples_list(folder):
        table.add_row(sample.id, sample.kind, "yes" if sample.ready else "no", sample.about)
    console.print(table)


@app.command()
def get(
    only: Annotated[list[str] | None, typer.Argument(help="Ids of clips; all when none.")] = None,
    folder: Folder = Path("data/samples"),
    mirror: Annotated[Path | None, typer.Option(help="Folder with copies, used first.")] = None,
) -> None:
    """Fetch public clips and verify them."""
    from sample_videos.fetch import samples_get

    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn()
    with Progress(*columns, console=console) as progress:
        tasks = {}

        def show(clip: str, done: int, total: int | None) -> None:
            if clip not in tasks:
                tasks[clip] = progress.add_task(clip, total=total)
            progress.update(tasks[clip], completed=done, total=total)

        paths = samples_get(folder, mirror, only=only or (), progress=show)
    for path in paths:
        console.print(f"verified {path}", highlight=False, soft_wrap=True)


@app.command()
def render(
    only: Annotated[
        list[str] | None, typer.Argument(help="Names of scenarios; all when none.")
    ] = None,
    folder: Folder = Path("data/samples"),
) -> None:
    """Render scenarios to clips with exact truth beside them."""
    from sample_videos.catalogue import scenario_files
    from sample_videos.errors import SampleError
    from sample_videos.render import render as draw
    from sample_videos.scenario import load_scenario

    files = {path.stem: path for path in scenario_files()}
    unknown = sorted(set(only or ()) - set(files))
    if unknown:
        raise SampleError(f"scenario must be one of {sorted(files)}, got {unknown}")
    with Progress(console=console) as progress:
        for name in only or sorted(files):
            task = progress.add_task(name, total=None)
            draw(
                load_scenario(files[name]),
                folder,
                progress=lambda done, total, task=task: progress.update(  # type: ignore[misc]
                    task, completed=done, total=total
                ),
            )


@app.command()
def pictures(
    folder: Annotated[Path, typer.Argument(help="Gets a picture set named drawn.")],
    count: Annotated[int, typer.Option(min=1)] = 150,
    seed: int = 1,
) -> None:
    """Draw labelled pictures of what real sets lack, for `skygrid train --also`."""
    from sample_videos.training_pictures import render_training_pictures

    with Progress(console=console) as progress:
        task = progress.add_task("drawn pictures", total=count)
        boxes = render_training_pictures(
            folder / "drawn",
            count,
            seed,
            progress=lambda done, _: progress.update(task, completed=done),
        )
    console.print(f"{count} pictures with {boxes} boxes in {folder / 'drawn'}", soft_wrap=True)
