import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
os.environ.setdefault('TRANSFORMERS_VERBOSITY', 'error')
DATA = os.environ.get('CV_TEST_DATA')


@pytest.fixture(scope='session')
def data() -> Path:
    """The folder of photographs and models, which is no part of the project."""
    if DATA is None:
        pytest.skip('CV_TEST_DATA is not set')
    return Path(DATA)
