"""blas: the threads of NumPy's matrix product during a run."""

from __future__ import annotations

import os

import pytest

from pytflite.runtime.blas import BlasThreads, Running


@pytest.fixture
def blas() -> BlasThreads:
    threads = BlasThreads()
    run = Running()
    threads.enter(run, 1)
    threads.leave(run)
    if not threads.controlled:
        pytest.skip("NumPy multiplies without OpenBLAS here")
    return threads


def threads_of(blas: BlasThreads) -> int:
    assert blas._library is not None
    return blas._library[0]()


def test_a_run_sets_them_and_puts_them_back(blas: BlasThreads) -> None:
    before = threads_of(blas)
    first, second = Running(), Running()
    blas.enter(first, 1)
    blas.enter(second, 2)  # overlapping: the first decides
    assert threads_of(blas) == 1
    blas.leave(first)
    assert threads_of(blas) == 1
    blas.leave(second)
    assert threads_of(blas) == before


def test_a_run_that_never_left_is_forgotten_with_its_frame(blas: BlasThreads) -> None:
    before = threads_of(blas)
    lost: Running | None = Running()
    assert lost is not None
    blas.enter(lost, 1)
    assert blas.busy
    del lost
    assert not blas.busy
    run = Running()
    blas.enter(run, 1)
    blas.leave(run)
    assert threads_of(blas) == before


def test_there_are_no_more_than_processors(blas: BlasThreads) -> None:
    run = Running()
    blas.enter(run, 10_000)
    assert threads_of(blas) <= (os.cpu_count() or 1)
    blas.leave(run)
