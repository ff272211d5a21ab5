import random

from streams.backoff import Backoff


def test_waits_grow_to_the_limit_and_are_jittered():
    backoff = Backoff(first_s=1.0, most_s=20.0, factor=2.0)
    rng = random.Random(1)
    for failures, step_s in [(1, 1.0), (2, 2.0), (3, 4.0), (10, 20.0), (10_000, 20.0)]:
        waits = {backoff.wait_s(failures, rng) for _ in range(50)}
        assert len(waits) > 40
        assert all(step_s / 2 <= wait_s <= step_s for wait_s in waits)
