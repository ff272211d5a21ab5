"""Limits of the search for new and still things."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NoveltySettings:
    """Limits of the detector; lengths are shares of the picture's width, times in seconds.

    Attributes:
        width_px: Width of the small picture.
        period_s: Pictures closer together than this are not judged: nothing still is that new.
        still_s: Something must look the same for this long to be new and still.
        absorb_s: What stays this long becomes background.
        learn_s: Memory of the background where nothing is new.
        min_side: Smallest width and height of a thing.
        max_area: Largest area of a thing, share of the picture; more is another view or light.
        min_change: Brightness steps (of 255) that count as a difference.
        min_colour: Colour steps (a, b of CIELAB) that count as a difference.
        same_texture: Correlation with the background from which a difference is only light.
        matter_share: Share of a thing that must differ in colour or texture; less is a shadow.
        relearn_share: Share of the picture changed from which the background is learned anew.
        busy_margin: How much of its size a busy box is enlarged: shadows, arms, bags.
        hidden_s: A thing hidden for longer than this is forgotten.
    """

    width_px: int = 320
    period_s: float = 0.5
    still_s: float = 8.0
    absorb_s: float = 7_200.0
    learn_s: float = 120.0
    min_side: float = 0.02
    max_area: float = 0.25
    min_change: float = 18.0
    min_colour: float = 9.0
    same_texture: float = 0.75
    matter_share: float = 0.2
    relearn_share: float = 0.3
    busy_margin: float = 0.15
    hidden_s: float = 600.0
