"""blas: the threads of NumPy's matrix product during a run."""

from __future__ import annotations

import os

import pytest

from pytflite.runtime.blas import BlasThreads


@pytest.fixture
def blas() -> BlasThreads:
    threads = BlasThreads()
    threads.enter(1)
    threads.leave()
    if not threads.controlled:
        pytest.skip("NumPy multiplies without OpenBLAS here")
    return threads


def threads_of(blas: BlasThreads) -> int:
    assert blas._library is not None
    return blas._library[0]()


def test_a_run_sets_them_and_puts_them_back(blas: BlasThreads) -> None:
    before = threads_of(blas)
    blas.enter(1)
    blas.enter(2)  # overlapping: the first decides
    assert threads_of(blas) == 1
    blas.leave()
    assert threads_of(blas) == 1
    blas.leave()
    assert threads_of(blas) == before


def test_there_are_no_more_than_processors(blas: BlasThreads) -> None:
    blas.enter(10_000)
    assert threads_of(blas) <= (os.cpu_count() or 1)
    blas.leave()
