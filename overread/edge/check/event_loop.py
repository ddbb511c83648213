"""Asynchronous work for somebody who waits, also where an event loop is running already, as in a notebook."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

_Value = TypeVar("_Value")


def run_to_the_end(work: Coroutine[Any, Any, _Value]) -> _Value:
    """Run it, and give what it returns or raises."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    results: list[_Value] = []
    errors: list[BaseException] = []

    def alone() -> None:
        try:
            results.append(asyncio.run(work))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=alone, name="edge-check")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]
