"""The look budget: priority, limits, rest, and what shortage shows."""

from dataclasses import replace

from pipeline.engine.looks import STARVED_OVER_S, LookBudget, LookOrder
from pipeline.types import ViewKey


def order(name: str, priority: float = 1.0, asked_s: float = 0.0) -> LookOrder:
    return LookOrder(ViewKey(name), priority, look_s=5.0, look_fps=5.0, asked_s=asked_s)


def names(orders: list[LookOrder]) -> list[str]:
    return [o.view.camera_id for o in orders]


def test_highest_priority_goes_first_then_the_longest_waiting() -> None:
    budget = LookBudget(most=2)
    for wish in (order("late", 1, 5.0), order("early", 1, 1.0), order("urgent", 9, 9.0)):
        budget.ask(wish)
    assert names(budget.grant(9.0)) == ["urgent", "early"]
    assert budget.pressure(15.0).waiting == 1
    assert budget.pressure(15.0).oldest_wait_s == 10.0


def test_a_running_look_is_not_granted_again() -> None:
    budget = LookBudget(most=2)
    budget.ask(order("a"))
    assert names(budget.grant(9.0)) == ["a"]
    budget.ask(order("a", asked_s=1.0))
    assert budget.grant(9.0) == []


def rested(first: LookOrder, now_s: float = 5.0, *, seen: bool = True) -> LookBudget:
    """A budget whose first look has ended."""
    budget = LookBudget(most=2, rest_s=20.0)
    budget.ask(first)
    assert budget.grant(0.0) == [first]
    budget.finished(first, now_s, seen=seen)
    return budget


def test_what_is_wanted_while_a_view_rests_waits_and_is_seen_to_wait() -> None:
    budget = rested(order("a"))
    budget.ask(order("a", asked_s=10.0))
    assert budget.grant(10.0) == []
    assert budget.pressure(12.0).oldest_wait_s == 2.0
    assert budget.grant(24.9) == []
    assert names(budget.grant(25.0)) == ["a"]


def test_what_is_forgotten_while_a_view_rests_has_not_starved() -> None:
    budget = rested(order("a"))
    budget.ask(order("a", asked_s=10.0))
    assert not budget.forget(ViewKey("a"), 11.0)
    assert budget.pressure(11.0).waiting == 0


def test_no_rest_follows_a_look_that_gave_no_picture() -> None:
    budget = rested(order("a"), seen=False)
    budget.ask(order("a", asked_s=6.0))
    assert names(budget.grant(6.0)) == ["a"]


def test_a_more_urgent_look_does_not_wait_for_the_rest() -> None:
    budget = rested(order("a", priority=2.0))
    budget.ask(order("a", priority=3.0, asked_s=6.0))
    assert names(budget.grant(6.0)) == ["a"]


def test_a_faster_wish_takes_the_place_of_a_slow_one_that_waits() -> None:
    slow = replace(order("a"), look_fps=1.0)
    budget = rested(slow)
    budget.ask(replace(slow, asked_s=6.0))
    budget.ask(order("a", asked_s=7.0))
    assert budget.grant(7.0) == [order("a", asked_s=6.0)]


def test_a_look_back_runs_beside_a_look_in_the_same_budget() -> None:
    budget = LookBudget(most=2)
    back = replace(order("a"), back=True)
    for wish in (order("a", 2), back, order("b", 0.5)):
        budget.ask(wish)
    assert budget.grant(9.0) == [order("a", 2), back]
    budget.forget(ViewKey("b"), 1.0)
    budget.finished(back, 1.0)
    budget.ask(replace(back, asked_s=2.0))
    assert [o.back for o in budget.grant(9.0)] == [True]


def test_a_forgotten_wish_is_not_granted() -> None:
    budget = LookBudget(most=1)
    budget.ask(order("a"))
    assert budget.forget(ViewKey("a"), 1.0)
    assert budget.grant(9.0) == []
    assert not budget.forget(ViewKey("a"), 2.0)


def test_starved_looks_are_remembered_for_a_while() -> None:
    budget = LookBudget(most=0)
    for now_s in (0.0, 100.0, 101.0):
        budget.ask(order("a", asked_s=now_s))
        budget.forget(ViewKey("a"), now_s)
    assert budget.pressure(200.0).starved == 3
    assert budget.pressure(STARVED_OVER_S + 50.0).starved == 2
    assert budget.pressure(STARVED_OVER_S + 200.0).starved == 0


def test_no_budget_grants_nothing_and_shows_the_wait() -> None:
    budget = LookBudget(most=0)
    budget.ask(order("a"))
    assert budget.grant(9.0) == []
    assert budget.pressure(30.0).oldest_wait_s == 30.0


def test_a_view_rests_from_slow_looks_too() -> None:
    slow = replace(order("a"), look_fps=1.0)
    budget = rested(slow, 3.0)
    budget.ask(replace(slow, asked_s=4.0))
    assert budget.grant(4.0) == []


def test_a_slow_look_is_followed_by_a_faster_one_without_a_rest() -> None:
    budget = LookBudget(most=2, rest_s=20.0)
    slow = replace(order("a"), look_fps=1.0)
    budget.ask(slow)
    assert budget.grant(9.0) == [slow]
    budget.ask(order("a", asked_s=2.0))
    assert budget.grant(9.0) == []
    budget.finished(slow, 3.0)
    assert budget.grant(9.0) == [order("a", asked_s=2.0)]
