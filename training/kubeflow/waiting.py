"""Waits for the end of a run, for a limited time. Needs nothing but Python."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Protocol

ENDED = ('SUCCEEDED', 'FAILED', 'CANCELED', 'SKIPPED')
MOST_FAULTS = 10
"""Questions in a row without an answer, after which the run is given up."""


class Runs(Protocol):
    """What is asked of Kubeflow."""

    def state(self, run: str) -> str:
        """One of ENDED, or another while the run goes on."""

    def terminate(self, run: str) -> None: ...


def wait(
    runs: Runs,
    run: str,
    limit_s: float,
    pause_s: float = 10,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> str:
    """The state that the run ended in; `TOO LONG` after limit_s, or `UNKNOWN`: then it has been terminated."""
    end, faults, state = now() + limit_s, 0, 'UNKNOWN'
    while now() < end and faults < MOST_FAULTS:
        try:
            state, faults = runs.state(run), 0
        except Exception as error:  # of network and server, whatever kfp's client makes of them
            faults += 1
            print(f'no answer: {error}', file=sys.stderr)
        if state in ENDED:
            return state
        sleep(pause_s)
    try:
        runs.terminate(run)
    except Exception as error:
        print(f'the run could not be terminated: {error}', file=sys.stderr)
    return 'UNKNOWN' if faults else 'TOO LONG'
