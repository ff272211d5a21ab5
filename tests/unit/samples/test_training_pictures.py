"""What the drawn training pictures show: what a detector was seen to mistake."""

from __future__ import annotations

from collections import Counter

from sample_videos.stage import Stage
from sample_videos.timeline import Timeline
from sample_videos.training_pictures import random_scene

SCENES = [random_scene(3, number) for number in range(250)]


def test_at_sites_more_heads_are_bare_than_helmeted_and_many_wear_a_cap():
    sites = [scene for scene in SCENES if scene.backdrop.kind == "site"]
    heads = Counter(a.clothes.head for s in sites for a in s.actors if a.kind == "person")
    assert len(sites) > 50
    assert 0.3 < heads["helmet"] / heads.total() < 0.5
    assert heads["cap"] / heads.total() > 0.3
    assert heads["hood"] > 0


def test_some_heaps_are_partly_hidden_by_a_trough():
    both = [s for s in SCENES if {"planter", "heap"} <= {actor.kind for actor in s.actors}][:12]
    boxes = [b for s in both for b in Stage(Timeline(s), s.cameras[0]).frame(0)[1]]
    heaps = [b for b in boxes if b.label == "garbage" and b.actor.startswith("heap")]
    assert len(heaps) >= 6
    assert sum(0.2 < heap.visible < 0.85 for heap in heaps) >= 4


def test_everything_of_the_street_is_there():
    kinds = {actor.kind for scene in SCENES for actor in scene.actors}
    assert kinds >= {"stall", "tricycle", "parasol", "blanket", "heap", "bag", "bin", "car", "van"}
