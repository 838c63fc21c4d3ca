import json
from pathlib import Path

import pytest
from captures import capture

from stages.step import StepFailed, run_step


def test_what_a_step_makes_is_where_the_pipeline_wants_it(tmp_path: Path) -> None:
    capture(tmp_path / 'captures', 'one', b'first', '3')
    run_step('ingest', {'source': str(tmp_path / 'captures'), 'champion': ''}, {}, {'data': str(tmp_path / 'out')})
    manifest = json.loads((tmp_path / 'out' / 'manifest.json').read_text(encoding='utf-8'))
    assert [each['label'] for each in manifest['images']] == ['3']


def test_a_stage_that_refuses_ends_the_pipeline_and_leaves_what_it_says(tmp_path: Path) -> None:
    capture(tmp_path / 'captures', 'one', b'first', '3')
    run_step('ingest', {'source': str(tmp_path / 'captures')}, {}, {'data': str(tmp_path / 'data')})
    with pytest.raises(StepFailed, match='validate ended with 1'):
        run_step('validate', {}, {'data': str(tmp_path / 'data')}, {'validation': str(tmp_path / 'validation')})
    assert (tmp_path / 'validation' / 'report.html').is_file()
