"""Fuzzing: models made wrong in every way, which must answer or raise a TFLiteError.

python -m tests.fuzz --seconds 60 --seed 1 [--operator NAME]

    seeds      small valid models: each operator's examples, models out of the tests, doodles
    tree       a file as nested lists, and back to bytes without any check
    mutate     changes to such a tree: fields, indices, dims, types, options, constants
    generate   models of one operator out of nothing but its signature
    data       inputs to run with: zeros, extremes, NaN, bytes
    case       one case: seed and number to bytes to verdict
    worker     cases in a process of little memory and with an alarm
    record     a pytest plugin that collects seeds
    soak       threads that run for long
    guard_pages    arrays between pages that nobody may touch; work in a child process
    guarded_steps  each native step of a plan, at guard pages
    atheris_run  the judge under libFuzzer
    tally      what a campaign counts, and its file
    __main__   starts workers, watches them, counts verdicts, keeps what failed
"""
