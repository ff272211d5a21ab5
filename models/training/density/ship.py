"""Makes a density weight's directory: INT8 export, counts on pictures it did not learn, card."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from models.card import Card, Preprocess, describe_file, write_card
from models.evaluation.crowd import density_people
from models.evaluation.detect import read_picture
from models.evaluation.rates import correction, count_errors
from models.export import calibration_pictures, from_pixels, quantised, save_openvino
from models.load import load_density
from models.settings import CrowdSettings
from models.training.density.network import DensityNetwork
from models.training.manifest import Picture
from models.training.ship import data_table, from_street_camera

SIZES: tuple[tuple[int, int], ...] = ((544, 960), (736, 960))
"""Input sizes (height, width): wide pictures and ordinary ones. One file serves both."""

FLOAT_SCOPE = (r".*head\.4.*", r".*softplus.*")
"""What stays float: the layer that writes people per cell, hundredths of one where streets are
nearly empty, and its soft-plus."""

CALIBRATION_PICTURES = 16


def ship_density(
    network: DensityNetwork,
    directory: Path,
    name: str,
    learned: Sequence[Picture],
    kept: Sequence[Picture],
    validation: Sequence[Picture],
    recipe: Mapping[str, Any],
    say: Callable[[str], None] = print,
) -> Card:
    """Export a trained network in INT8, count with it, and write its directory.

    Args:
        directory: replaced as a whole at the end.
        learned: training pictures; calibration draws from them.
        kept: training pictures that were not learned from.
        validation: pictures of the validation split.

    Returns:
        The card; `metrics` hold mean absolute and root-mean-square error per source, in INT8 and,
        on `kept`, in float.
    """
    graph = density_graph(network)
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "float"
        save_openvino(graph, plain / "openvino_fp16.xml")
        write_card(plain, _card(name, plain, (), (), recipe))
        say("counting in float")
        as_float = error_table(plain, kept)
        made = Path(folder) / name
        images = [read_picture(p) for p in learned[:: max(1, len(learned) // CALIBRATION_PICTURES)]]
        say(f"quantising on {len(images)} pictures")
        inputs = calibration_pictures(images, SIZES[-1])
        int8 = quantised(graph, inputs, FLOAT_SCOPE, clip=False)
        save_openvino(int8, made / "openvino_int8.xml")
        card = _card(name, made, learned, [*kept, *validation], recipe)
        write_card(made, card)
        say("counting in INT8")
        card = card.model_copy(update={"density": {"factor": factor(made, kept)}})
        write_card(made, card)
        metrics = {
            "validation": error_table(made, validation),
            "kept_back": error_table(made, kept),
            "kept_back_float": as_float,
        }
        card = card.model_copy(update={"metrics": metrics})
        write_card(made, card)
        (made / "README.md").write_text(page(card), "utf-8")
        directory.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(directory, ignore_errors=True)
        shutil.copytree(made, directory)
    return card


def density_graph(network: DensityNetwork) -> Any:
    """(1, H, W, 3) uint8 BGR, any multiples of 32, to (1, 1, H/8, W/8) people per cell."""
    import openvino as ov
    import torch

    exported = network.float().eval()
    for parameter in exported.parameters():
        parameter.requires_grad_(False)
    example = torch.zeros(1, 3, *SIZES[0])
    return from_pixels(ov.convert_model(exported, example_input=example, input=[1, 3, -1, -1]))


def factor(folder: Path, kept: Sequence[Picture]) -> float:
    """What the map's sum is multiplied by, fitted to kept-back pictures of street cameras."""
    street = [p for p in kept if from_street_camera(p)]
    if not street:
        return 1.0
    density = load_density(CrowdSettings(density_weights=str(folder)))
    people = [float(0 if p.points is None else len(p.points)) for p in street]
    return round(correction(density_people(street, density), people), 3)


def error_table(folder: Path, pictures: Sequence[Picture]) -> dict[str, dict[str, Any]]:
    """Errors of the weight in a directory per source of counted pictures, and over all."""
    if not pictures:
        return {}
    density = load_density(CrowdSettings(density_weights=str(folder)))
    counted = density_people(pictures, density)
    there = [float(0 if p.points is None else len(p.points)) for p in pictures]
    sources = {p.dataset: [q.dataset == p.dataset for q in pictures] for p in pictures}
    table = {}
    for source, mine in {**sources, "all": [True] * len(pictures)}.items():
        found = [c for c, m in zip(counted, mine, strict=True) if m]
        truth = [t for t, m in zip(there, mine, strict=True) if m]
        people = round(sum(truth) / len(truth), 1)
        table[source] = {**count_errors(found, truth), "people_per_picture": people}
    return table


def _card(
    name: str,
    folder: Path,
    learned: Sequence[Picture],
    measured: Sequence[Picture],
    recipe: Mapping[str, Any],
) -> Card:
    files = {}
    for path in sorted(folder.iterdir()):
        if path.suffix in (".xml", ".bin"):
            files[path.name] = describe_file(path)
    return Card(
        name=name,
        kind="density",
        labels=("person",),
        input_sizes=SIZES,
        files=files,
        licence="AGPL-3.0-or-later; learned from research-only pictures, not for commercial use",
        research=True,
        preprocess=Preprocess(in_graph=True),
        data=data_table(learned, measured),
        recipe=dict(recipe),
    )


def page(card: Card) -> str:
    """The card for readers, in Markdown."""
    lines = [
        f"# {card.name}",
        "",
        "People per part of a picture, for crowds in which boxes merge. **For research only**: its",
        "pictures are. It is off by default; `crowd: {density_weights: " + card.name + "}` in the",
        "site file switches it on.",
        "",
        "| pictures | source | n | people per picture | MAE | RMSE |",
        "|---|---|---|---|---|---|",
    ]
    for part, table in dict(card.metrics or {}).items():
        for source, row in table.items():
            lines.append(
                f"| {part.replace('_', ' ')} | {source} | {row['n']} | "
                f"{row['people_per_picture']} | {row['mae']:.1f} | {row['rmse']:.1f} |"
            )
    lines += [
        "",
        "*kept back* are training pictures that were not learned from: they chose the factor;",
        "*validation* chose nothing. Input: "
        + ", ".join(f"{height}x{width}" for height, width in card.input_sizes)
        + ", INT8.",
        "",
        "## Learned from",
        "",
        *(f"* {row['n_train']} pictures of {row['set']}: {row['licence']}" for row in card.data),
        "",
        "## Recipe",
        "",
        *(f"* {key}: {value}" for key, value in dict(card.recipe or {}).items()),
        "",
    ]
    return "\n".join(lines)
