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
    assert names(budget.grant()) == ["urgent", "early"]
    assert budget.pressure(15.0).waiting == 1
    assert budget.pressure(15.0).oldest_wait_s == 10.0


def test_a_running_look_is_not_granted_again() -> None:
    budget = LookBudget(most=2)
    budget.ask(order("a"))
    assert names(budget.grant()) == ["a"]
    budget.ask(order("a", asked_s=1.0))
    assert budget.grant() == []


def test_a_view_rests_after_its_look() -> None:
    budget = LookBudget(most=1, rest_s=20.0)
    budget.ask(order("a"))
    budget.grant()
    budget.finished(order("a"), 5.0)
    budget.ask(order("a", asked_s=10.0))
    assert budget.grant() == []
    budget.ask(order("a", asked_s=26.0))
    assert names(budget.grant()) == ["a"]


def test_a_look_back_runs_beside_a_look_in_the_same_budget() -> None:
    budget = LookBudget(most=2)
    back = replace(order("a"), back=True)
    for wish in (order("a", 2), back, order("b", 0.5)):
        budget.ask(wish)
    assert budget.grant() == [order("a", 2), back]
    budget.forget(ViewKey("b"), 1.0)
    budget.finished(back, 1.0)
    budget.ask(replace(back, asked_s=2.0))
    assert [o.back for o in budget.grant()] == [True]


def test_a_forgotten_wish_is_not_granted() -> None:
    budget = LookBudget(most=1)
    budget.ask(order("a"))
    assert budget.forget(ViewKey("a"), 1.0)
    assert budget.grant() == []
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
    assert budget.grant() == []
    assert budget.pressure(30.0).oldest_wait_s == 30.0


def test_a_view_rests_from_slow_looks_too() -> None:
    budget = LookBudget(most=2, rest_s=20.0)
    slow = replace(order("a"), look_fps=1.0)
    budget.ask(slow)
    budget.grant()
    budget.finished(slow, 3.0)
    budget.ask(replace(slow, asked_s=4.0))
    assert budget.grant() == []
    budget.ask(order("a", asked_s=5.0))
    assert names(budget.grant()) == ["a"]


def test_a_slow_look_is_followed_by_a_faster_one_without_a_rest() -> None:
    budget = LookBudget(most=2, rest_s=20.0)
    slow = replace(order("a"), look_fps=1.0)
    budget.ask(slow)
    assert budget.grant() == [slow]
    budget.ask(order("a", asked_s=2.0))
    assert budget.grant() == []
    budget.finished(slow, 3.0)
    assert budget.grant() == [order("a", asked_s=2.0)]
