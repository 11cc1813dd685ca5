"""A deadline within a deadline: a part of the budget, and never more than is left of it."""

from app.application.deadline import Deadline


def test_a_part_of_the_budget_ends_sooner() -> None:
    """After the seconds of the part."""
    assert 0 < Deadline.after(60).within(1).remaining() <= 1


def test_a_part_does_not_outlast_the_budget() -> None:
    """However many seconds the part would take."""
    budget = Deadline.after(1)
    assert budget.within(60) == budget
