"""The next range is asked for and proven while the one before it is stored: nodes and the database are not waited for in turn."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def one_ahead(items: Iterator[T]) -> Iterator[Iterator[T]]:
    """The same items; each is made in another thread while the one before it is used. What goes wrong there is raised here.

    Who leaves early waits for the one that is being made, and does not hear what became of it.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as pool:
        yield _given(pool, items)


def _given(pool: ThreadPoolExecutor, items: Iterator[T]) -> Iterator[T]:
    coming: Future[T | None] = pool.submit(next, items, None)
    while (item := coming.result()) is not None:
        coming = pool.submit(next, items, None)
        yield item
