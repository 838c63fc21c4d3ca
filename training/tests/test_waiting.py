import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / 'kubeflow'))

from waiting import ENDED, MOST_FAULTS, wait


class Runs:
    """A run that is in each of the states for one question; None: no answer."""

    def __init__(self, *states: str | None) -> None:
        self.states = list(states)
        self.terminated: list[str] = []

    def state(self, run: str) -> str:
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        if state is None:
            raise ConnectionError('no route')
        return state

    def terminate(self, run: str) -> None:
        self.terminated.append(run)


class Clock:
    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


def ended(runs: Runs, limit_s: float = 100) -> str:
    clock = Clock()
    return wait(runs, 'run', limit_s, 10, clock.now, clock.sleep)


@pytest.mark.parametrize('state', ENDED)
def test_it_waits_for_the_end_whatever_it_is(state: str) -> None:
    runs = Runs('PENDING', 'RUNNING', state)
    assert ended(runs) == state
    assert runs.terminated == []


def test_a_run_that_takes_too_long_is_terminated() -> None:
    runs = Runs('RUNNING')
    assert ended(runs) == 'TOO LONG'
    assert runs.terminated == ['run']


def test_a_few_questions_may_go_without_an_answer() -> None:
    assert ended(Runs('RUNNING', None, None, 'RUNNING', None, 'SUCCEEDED')) == 'SUCCEEDED'


def test_a_run_that_cannot_be_asked_for_any_more_is_given_up() -> None:
    runs = Runs(None)
    assert ended(runs, limit_s=10 * MOST_FAULTS + 100) == 'UNKNOWN'
    assert runs.terminated == ['run']
