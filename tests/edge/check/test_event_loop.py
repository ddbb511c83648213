"""Asynchronous work is waited for, whether or not a loop is running."""

from __future__ import annotations

import asyncio

import pytest

from overread.edge.check.event_loop import run_to_the_end


async def _answer() -> int:
    await asyncio.sleep(0)
    return 42


async def _failure() -> int:
    await asyncio.sleep(0)
    raise LookupError("nothing there")


def test_a_plain_caller_gets_the_value_and_the_error() -> None:
    assert run_to_the_end(_answer()) == 42
    with pytest.raises(LookupError, match="nothing there"):
        run_to_the_end(_failure())


def test_so_does_a_caller_inside_a_running_loop() -> None:
    async def notebook() -> int:
        with pytest.raises(LookupError, match="nothing there"):
            run_to_the_end(_failure())
        return run_to_the_end(_answer())

    assert asyncio.run(notebook()) == 42
