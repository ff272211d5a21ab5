"""What the drawn training pictures show: what a detector was seen to mistake."""

from __future__ import annotations

from collections import Counter

from sample_videos.training_pictures import random_scene

SCENES = [random_scene(3, number) for number in range(250)]


def test_at_sites_more_heads_are_bare_than_helmeted_and_many_wear_a_cap():
    sites = [scene for scene in SCENES if scene.backdrop.kind == "site"]
    heads = Counter(a.clothes.head for s in sites for a in s.actors if a.kind == "person")
    assert len(sites) > 50
    assert 0.3 < heads["helmet"] / heads.total() < 0.5
    assert heads["cap"] / heads.total() > 0.15
    assert heads["hood"] > 0


def test_some_heaps_lie_half_behind_a_trough():
    hidden = shown = 0
    for scene in SCENES:
        troughs = [a.at_m for a in scene.actors if a.kind == "planter"]
        for heap in (a.at_m for a in scene.actors if a.kind == "heap"):
            before = [t for t in troughs if 0.9 <= heap[1] - t[1] <= 1.3]
            hidden += any(abs(t[0] - heap[0]) <= 0.9 for t in before)
            shown += not before
    assert hidden > 10
    assert shown > 10


def test_everything_of_the_street_is_there():
    kinds = {actor.kind for scene in SCENES for actor in scene.actors}
    assert kinds >= {"stall", "tricycle", "parasol", "blanket", "heap", "bag", "bin", "car", "van"}
