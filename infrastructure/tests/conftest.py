from collections.abc import Iterator
from pathlib import Path

import pytest
from simulation import Account, simulated_account


@pytest.fixture(scope='module')
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """One for each file of tests, empty at first."""
    log: Path = tmp_path_factory.mktemp('aws') / 'log'
    with simulated_account(log) as account:
        yield account
