from __future__ import annotations

from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from overread.cohort.flow import STEP_NAMES, flow_of
from overread.errors import RejectReason


@given(st.lists(st.tuples(st.sampled_from(get_args(RejectReason)), st.sampled_from([None, "a", "b"]))))
def test_every_input_that_was_left_out_stands_in_one_step(removed: list[tuple[str, str | None]]) -> None:
    found = len(removed) + 3
    steps = flow_of(found, removed)
    assert sum(step.removed for step in steps) == len(removed)
    left = found
    for step in steps:
        left -= step.removed
        assert step.left == left
        assert step.removed > 0


def test_steps_do_not_depend_on_the_order_of_inputs() -> None:
    removed = [("excluded", "view is AP"), ("damaged", None), ("excluded", "view is AP"), ("empty", None)]
    assert flow_of(9, removed) == flow_of(9, removed[::-1])
    assert [step.what for step in flow_of(9, removed)] == ["empty file", "damaged", "view is AP"]


def test_every_reason_has_words() -> None:
    assert set(STEP_NAMES) == set(get_args(RejectReason))
