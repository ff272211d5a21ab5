"""The glance scheduler: on time, fair under overload, recovering."""

from itertools import pairwise

import pytest

from pipeline.engine.glances import GlanceScheduler
from pipeline.types import ViewKey

A, B = ViewKey("a"), ViewKey("b")


def simulate(
    scheduler: GlanceScheduler, seconds: float, cost_s: float, start_s: float = 0.0
) -> dict[ViewKey, list[float]]:
    """One server that needs `cost_s` for each glance; the times at which each view was seen."""
    seen: dict[ViewKey, list[float]] = {}
    now = start_s
    while now < start_s + seconds:
        due = scheduler.take_due(now, 1)
        if not due:
            now += 0.01
            continue
        seen.setdefault(due[0], []).append(now)
        scheduler.finished(due[0], now)
        now += cost_s
    return seen


def gaps(times: list[float]) -> list[float]:
    return [b - a for a, b in pairwise(times)]


def test_each_view_is_seen_at_its_own_period() -> None:
    seen = simulate(GlanceScheduler({A: 2.0, B: 10.0}, 0.0), 60, cost_s=0.01)
    assert gaps(seen[A]) == pytest.approx([2.0] * len(gaps(seen[A])), abs=0.05)
    assert gaps(seen[B]) == pytest.approx([10.0] * len(gaps(seen[B])), abs=0.05)


def test_views_that_were_seen_together_are_spread_over_the_period() -> None:
    views = [ViewKey(f"cam-{i}") for i in range(40)]
    scheduler = GlanceScheduler(dict.fromkeys(views, 10.0), 0.0)
    for view in scheduler.take_due(5.0, 40):
        scheduler.finished(view, 5.0)
    seen = simulate(scheduler, 300, cost_s=0.01, start_s=5.0)
    every = [gap for times in seen.values() for gap in gaps(times)]
    assert max(every) <= 10.2
    assert min(every) >= 8.95
    late = [at for times in seen.values() for at in times if at >= 205]
    for second in range(205, 295):
        assert sum(second <= at < second + 1 for at in late) <= 9
    assert len(late) == pytest.approx(400, abs=4)


def test_glances_about_as_often_as_keyframes_are_not_moved() -> None:
    views = [ViewKey(f"cam-{i}") for i in range(10)]
    scheduler = GlanceScheduler(dict.fromkeys(views, 4.0), 0.0)
    for view in scheduler.take_due(5.0, 10):
        scheduler.finished(view, 5.0)
    assert scheduler.take_due(8.9, 10) == []
    assert len(scheduler.take_due(9.0, 10)) == 10


def test_a_glance_that_gave_nothing_is_tried_again_soon() -> None:
    scheduler = GlanceScheduler({A: 10.0}, 0.0)
    scheduler.take_due(1.0, 1)
    scheduler.retry(A, 1.0)
    assert scheduler.take_due(2.2, 1) == []
    assert scheduler.take_due(2.25, 1) == [A]
    scheduler.retry(B, 3.0)
    assert scheduler.next_due_s() is None


def test_tries_that_give_nothing_are_no_crowd() -> None:
    views = [ViewKey(f"cam-{i}") for i in range(40)]
    scheduler = GlanceScheduler(dict.fromkeys(views, 10.0), 0.0)
    alone, *offline = scheduler.take_due(5.0, 40)
    scheduler.finished(alone, 5.0)
    for _ in range(30):  # the offline ones are asked again and again, all at once
        for view in offline:
            scheduler.retry(view, 5.0)
        offline = [view for view in scheduler.take_due(14.9, 40) if view != alone]
    assert scheduler.take_due(15.0, 1) == [alone]
    scheduler.finished(alone, 15.0)
    assert scheduler.next_due_s() == 25.0


def test_a_try_that_gives_nothing_takes_no_turn_from_others_under_overload() -> None:
    views = [ViewKey(f"cam-{i}") for i in range(40)]
    scheduler = GlanceScheduler(dict.fromkeys(views, 2.0), 0.0)
    tries: list[float] = []
    now = 0.0
    while now < 200:
        for view in scheduler.take_due(now, 1):
            if view == views[0]:
                tries.append(now)
                scheduler.retry(view, now)
            else:
                scheduler.finished(view, now)
        now += 0.1  # twice what fits
    assert scheduler.stretch == pytest.approx(2.0, abs=0.1)
    assert min(gaps(tries[5:])) == pytest.approx((2.0 - 0.875) * 2, abs=0.25)


@pytest.mark.parametrize("load", [1.5, 2.0, 4.0])
def test_long_periods_are_stretched_by_the_overload_and_no_more(load: float) -> None:
    """A factor that grew while something was late overshot: to 11 at a load of two."""
    views = [ViewKey(f"cam-{i}") for i in range(100)]
    scheduler = GlanceScheduler(dict.fromkeys(views, 10.0), 0.0)
    seen = simulate(scheduler, 400, cost_s=0.1 * load)
    every = [gap for times in seen.values() for gap in gaps([t for t in times if t > 50])]
    assert min(every) == pytest.approx(10 * load, rel=0.02)
    assert max(every) == pytest.approx(10 * load, rel=0.02)
    assert scheduler.stretch == pytest.approx(load, rel=0.02)
    assert scheduler.worst_wait() < 2
    after = simulate(scheduler, 30, cost_s=0.001, start_s=400)
    assert max(times[0] for times in after.values()) < 410.5  # nothing has to recover
    assert scheduler.stretch == 1.0


def test_short_and_long_periods_are_stretched_alike() -> None:
    quick, slow = ([ViewKey(f"{kind}-{i}") for i in range(10)] for kind in ("quick", "slow"))
    scheduler = GlanceScheduler(dict.fromkeys(quick, 2.0) | dict.fromkeys(slow, 10.0), 0.0)
    seen = simulate(scheduler, 400, cost_s=3 / 6)  # 6 glances a second are due, 2 fit
    for views, period_s in ((quick, 2.0), (slow, 10.0)):
        every = [gap for view in views for gap in gaps([t for t in seen[view] if t > 60])]
        assert sum(every) / len(every) == pytest.approx(3 * period_s, rel=0.05)
        assert max(every) < 1.1 * 3 * period_s + 0.5  # a glance takes half a second


def test_overload_stretches_all_views_alike() -> None:
    views = {ViewKey(f"cam-{i}"): 2.0 for i in range(40)}
    scheduler = GlanceScheduler(views, 0.0)
    seen = simulate(scheduler, 400, cost_s=0.1)  # twice what fits
    last = {view: gaps(times)[-10:] for view, times in seen.items()}
    means = [sum(g) / len(g) for g in last.values()]
    assert scheduler.stretch > 1.5
    assert min(means) > 3.5
    assert max(max(g) for g in last.values()) <= 2 * min(means)


def test_under_overload_urgent_views_have_the_right_of_way() -> None:
    views = {ViewKey(f"cam-{i}"): 2.0 for i in range(40)}
    urgent = [view for i, view in enumerate(views) if i < 10]
    scheduler = GlanceScheduler(views, 0.0, urgent)
    seen = simulate(scheduler, 400, cost_s=0.1)
    scheduler.worst_wait()
    mean = {view: sum(gaps(times)[-10:]) / 10 for view, times in seen.items()}
    slow = [mean[view] for view in views if view not in urgent]
    assert max(mean[view] for view in urgent) < 0.7 * min(slow)
    assert max(slow) <= 2.2 * 2.0 * 2  # nobody starves for it


def test_where_all_are_urgent_nobody_has_the_right_of_way() -> None:
    views = [ViewKey(f"cam-{i}") for i in range(40)]
    scheduler = GlanceScheduler(dict.fromkeys(views, 2.0), 0.0, views)
    simulate(scheduler, 100, cost_s=0.1)
    assert scheduler.stretch == pytest.approx(2.0, abs=0.05)
    simulate(scheduler, 30, cost_s=0.001, start_s=100)
    assert scheduler.stretch == 1.0


def test_urgent_views_on_time_are_no_overload() -> None:
    views = [ViewKey(f"cam-{i}") for i in range(10)]
    scheduler = GlanceScheduler(dict.fromkeys(views, 2.0), 0.0, views[:9])
    simulate(scheduler, 100, cost_s=0.01)
    assert scheduler.stretch == 1.0
    assert scheduler.worst_wait() <= 1.1


def test_a_rule_that_becomes_severe_gets_the_right_of_way_at_once() -> None:
    views = [ViewKey(f"cam-{i}") for i in range(40)]
    scheduler = GlanceScheduler(dict.fromkeys(views, 2.0), 0.0)
    simulate(scheduler, 100, cost_s=0.1)
    scheduler.set_period(views[0], 2.0, 100.0, urgent=True)
    seen = simulate(scheduler, 100, cost_s=0.1, start_s=100.0)
    assert gaps(seen[views[0]]) == pytest.approx([2.0] * len(gaps(seen[views[0]])), abs=0.15)
    scheduler.set_period(views[0], 2.0, 200.0, urgent=False)
    seen = simulate(scheduler, 100, cost_s=0.1, start_s=200.0)
    assert gaps(seen[views[0]])[-5:] == pytest.approx([4.0] * 5, abs=0.15)


def test_the_worst_wait_stays_fair_under_overload_and_is_told_once() -> None:
    views = {ViewKey(f"cam-{i}"): 2.0 for i in range(40)}
    scheduler = GlanceScheduler(views, 0.0)
    simulate(scheduler, 300, cost_s=0.1)
    scheduler.worst_wait()
    simulate(scheduler, 100, cost_s=0.1, start_s=300)
    assert 1.0 <= scheduler.worst_wait() <= 2.0
    assert scheduler.worst_wait() == 0.0


def test_stretch_goes_back_when_the_load_is_gone() -> None:
    views = {ViewKey(f"cam-{i}"): 2.0 for i in range(40)}
    scheduler = GlanceScheduler(views, 0.0)
    simulate(scheduler, 200, cost_s=0.1)
    assert scheduler.stretch > 1.5
    simulate(scheduler, 200, cost_s=0.001, start_s=200)
    assert scheduler.stretch == 1.0


def test_a_view_in_work_is_not_taken_twice() -> None:
    scheduler = GlanceScheduler({A: 1.0}, 0.0)
    assert scheduler.take_due(5.0, 10) == [A]
    assert scheduler.take_due(50.0, 10) == []
    scheduler.finished(A, 50.0)
    assert scheduler.take_due(51.5, 10) == [A]


def test_a_shorter_period_counts_from_now_on() -> None:
    scheduler = GlanceScheduler({A: 100.0}, 0.0)
    scheduler.take_due(2.0, 1)
    scheduler.finished(A, 2.0)
    scheduler.set_period(A, 5.0, 10.0, urgent=False)
    assert scheduler.take_due(14.9, 1) == []
    assert scheduler.take_due(15.0, 1) == [A]
    scheduler.finished(A, 15.0)
    assert scheduler.next_due_s() == 20.0


def test_a_new_period_takes_no_view_that_is_in_work() -> None:
    scheduler = GlanceScheduler({A: 100.0}, 0.0)
    assert scheduler.take_due(2.0, 1) == [A]
    scheduler.set_period(A, 1.0, 3.0, urgent=False)
    assert scheduler.take_due(50.0, 1) == []
    scheduler.finished(A, 50.0)
    assert scheduler.next_due_s() == 51.0


def test_a_period_of_a_view_that_is_not_watched_is_ignored() -> None:
    scheduler = GlanceScheduler({A: 1.0}, 0.0)
    scheduler.set_period(B, 1.0, 0.0, urgent=False)
    assert scheduler.take_due(5.0, 10) == [A]


def test_a_period_must_be_positive() -> None:
    with pytest.raises(ValueError, match="must be > 0 s, got 0 in view a/main"):
        GlanceScheduler({A: 0}, 0.0)
