"""Writes a weight's card as a page for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from models.card import Card

GOALS: dict[tuple[str, str], tuple[float, float | None]] = {
    ("helmet", "helmet"): (0.97, 0.68),
    ("helmet", "bare_head"): (0.95, 0.66),
    ("helmet", "person"): (0.97, None),
    ("garbage", "garbage"): (0.74, 0.44),
    ("garbage", "garbage_regions"): (0.84, 0.52),
    ("garbage", "bin"): (0.90, 0.64),
    ("vending", "parasol"): (0.90, 0.55),
    ("eagle", "car"): (0.90, 0.60),
    ("eagle_tiled", "person"): (0.75, None),
}
"""(set, class) → mAP50 and mAP50-95 that the project set itself."""


def page(card: Card) -> str:
    """Markdown: what the weight is, what it scores against the goals, data, limits."""
    metrics: Mapping[str, Any] = card.metrics or {}
    recipe: Mapping[str, Any] = card.recipe or {}
    parts = [
        f"# {card.name}",
        f"Labels: {', '.join(card.labels)}.",
        f"Licence of the weight: {card.licence}. "
        + ("**Research only: never the default.**" if card.research else "Default weight."),
        "## Validation pictures, INT8 file, 640×640",
        *_goals(metrics),
        "## All classes",
        *_classes(metrics.get("classes", {})),
        "## At the thresholds of the card, picture by picture",
        *_patrol(metrics.get("patrol", {})),
        *_crowd(metrics.get("crowd")),
        "## Learned from",
        *_table(
            ("set", "licence as stated", "train", "validation"),
            ((r["set"], r["licence"], r["n_train"], r["n_val"]) for r in card.data or ()),
        ),
        "## Recipe",
        *(f"- {key}: {value}" for key, value in recipe.items()),
    ]
    return "\n".join(parts) + "\n"


def _goals(metrics: Mapping[str, Any]) -> list[str]:
    rows = []
    for (set_name, label), (map50, map50_95) in GOALS.items():
        found = metrics.get("sets", {}).get(set_name, {}).get(label)
        if found:
            met = found["map50"] >= map50 and found["map50_95"] >= (map50_95 or 0)
            rows.append(
                (
                    f"{label} ({set_name})",
                    f"{found['map50']:.3f} / {map50:.2f}",
                    f"{found['map50_95']:.3f} / {'–' if map50_95 is None else map50_95}",
                    found["n"],
                    "met" if met else "**missed**",
                )
            )
    return _table(("class", "mAP50 / goal", "mAP50-95 / goal", "objects", ""), rows)


def _classes(classes: Mapping[str, Any]) -> list[str]:
    rows = []
    for label, row in classes.items():
        sizes = (_number(row["sizes"][s]["map50"]) for s in ("small", "medium", "large"))
        scores = (_number(row["map50"]), _number(row["map50_95"]))
        rows.append((label, *scores, row["n"], row["pictures"], *sizes))
    head = ("class", "mAP50", "mAP50-95", "objects", "pictures", "small", "medium", "large")
    return _table(head, rows)


def _patrol(rates: Mapping[str, Any]) -> list[str]:
    rows = (
        (
            label,
            row["threshold"],
            f"{_number(row['found'])} of {row['pictures_with']}",
            f"{_number(row['false'])} of {row['pictures_without']}",
        )
        for label, row in rates.items()
    )
    return _table(("class", "threshold", "found in pictures with it", "false in others"), rows)


def _crowd(crowd: Mapping[str, Any] | None) -> list[str]:
    if not crowd:
        return []
    text = f"People counted by boxes: MAE {crowd['mae']:.1f}, RMSE {crowd['rmse']:.1f}"
    plain = crowd.get("mae_uncorrected")
    corrected = f" (without the correction: MAE {plain:.1f})" if plain is not None else ""
    return ["", f"{text} on {crowd['n']} pictures{corrected}."]


def _table(head: Iterable[str], rows: Iterable[Iterable[Any]]) -> list[str]:
    names = list(head)
    lines = ["", "| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    lines += ["| " + " | ".join(str(v) for v in row) + " |" for row in rows]
    return [*lines, ""]


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
