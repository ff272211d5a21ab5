"""The words of the pages in Chinese and English, and reasons in plain words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from string import Formatter
from typing import Any, Literal

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")
_FOLDER = Path(__file__).parent / "pages" / "texts"


class Texts:
    """All texts, read once."""

    def __init__(self, folder: Path = _FOLDER) -> None:
        self.of: dict[Language, dict[str, str]] = {
            language: json.loads((folder / f"{language}.json").read_text("utf-8"))
            for language in LANGUAGES
        }

    def get(self, language: Language, key: str, values: Mapping[str, Any] | None = None) -> str:
        """The text of a key with its {places} filled; the key itself when there is none."""
        text = self.of[language].get(key)
        if text is None:
            return key
        return fill(text, values) if values else text

    def reason(self, language: Language, code: str, detail: Mapping[str, Any]) -> str:
        """A line of the trace in plain words; an unknown code shows itself and its numbers.

        A code may have several texts, for the values that it came with; the first that fits wins.
        """
        values = {name: _readable(name, value) for name, value in detail.items()}
        for key in (f"reason.{code}", f"reason.{code}.other"):
            text = self.of[language].get(key)
            if text is not None and _places(text) <= values.keys():
                return fill(text, values)
        numbers = ", ".join(f"{name} {value}" for name, value in values.items())
        words = code.replace("_", " ")
        return f"{words} ({numbers})" if numbers else words


def _places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def fill(text: str, values: Mapping[str, Any]) -> str:
    """Fill {name} places; a missing value shows as "–". Formats and attributes are not read."""
    parts = []
    for literal, name, _, _ in Formatter().parse(text):
        parts.append(literal)
        if name is not None:
            parts.append(str(values.get(name, "–")))
    return "".join(parts)


def _readable(name: str, value: Any) -> str:
    """Shares as percent, durations as minutes and seconds, numbers without needless digits."""
    if not isinstance(value, int | float):
        return str(value)
    if name in ("share", "confidence"):
        return f"{value:.0%}"
    if name.endswith("_s") and value >= 120:
        return f"{int(value // 60)} min {int(value % 60)} s"
    if name.endswith("_s"):
        return f"{value:.0f} s"
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def choose(wanted: str | None, accept: str, default: Language | None) -> Language:
    """The user's choice, else the site's, else the browser's, else Chinese."""
    for candidate in (wanted, default):
        if candidate in LANGUAGES:
            return candidate
    ranked = []
    for part in accept.split(","):
        tag, _, weight = part.strip().partition(";q=")
        try:
            ranked.append((float(weight or 1.0), tag[:2].lower()))
        except ValueError:
            continue
    for _, tag in sorted(ranked, key=lambda pair: -pair[0]):
        if tag in LANGUAGES:
            return tag
    return "zh"
