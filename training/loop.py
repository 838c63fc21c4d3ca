"""The stages from captured images to a model in the registry: `python training/loop.py STAGE... [--work FOLDER]`.

ingest    captured images that have a label, into a data set with a manifest of digests
validate  refuses data that would spoil a model; writes a page with pictures
train     teaches the champion with them: the challenger
evaluate  the gate: challenger against champion on a frozen hold-out; writes why
record    the run in MLflow, with the files of a challenger that passed
reference the pictures that `cv-inference reference` counts what drift is measured against of
register  a challenger that was recorded, and has its reference, as a version of the registry
promote   makes that version the champion, once it has served well (--failed REASON: marks it, the alias stays)
fetch     what a pipeline's run has recorded (--submission): the challenger and its verdict, or why a stage refused
adopt     registers the champion's folder as the first champion of an empty registry

Several are done one after the other; a challenger that `evaluate` refuses is recorded where `record` is among them.
Exit code: 0 done; 1 refused, and the last line, `refused: ...`, says why, or failed, as where a registry does not
answer; 2 wrong arguments.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import fields
from importlib import import_module
from pathlib import Path

from stages.settings import ROOT, Refusal, Settings

STAGES = {
    'ingest': ('ingest', 'ingest'),
    'validate': ('validate', 'validate'),
    'train': ('train', 'train_challenger'),
    'evaluate': ('evaluate', 'evaluate_challenger'),
    'record': ('registry', 'record'),
    'reference': ('reference', 'pick_pictures'),
    'register': ('registry', 'register'),
    'promote': ('registry', 'promote'),
    'fetch': ('registry', 'fetch'),
    'adopt': ('registry', 'adopt'),
}
"""Module and function of each."""
BEFORE_THE_GATE = ('ingest', 'validate', 'train')
LEAST_SAMPLES = 256
"""A batch: fewer pictures are no training."""


def main(arguments: list[str] | None = None) -> int:
    """Runs the stages that are named, in that order."""
    options = vars(_parser().parse_args(arguments))
    stages, failed = options.pop('stages'), options.pop('failed')
    settings = Settings(**options)
    try:
        for name in stages:
            print(f'== {name}', flush=True)
            run(name, settings, failed)
    except Refusal as refusal:
        if name == 'evaluate' and 'record' in stages:
            _record(settings)
        elif settings.submission and name in BEFORE_THE_GATE:
            _record_refusal(settings, refusal)
        print(f'refused: {refusal}', file=sys.stderr)
        return 1
    return 0


def run(name: str, settings: Settings, failed: str = '') -> None:
    """One stage."""
    if name == 'promote' and failed:
        from stages.registry import mark_failed

        return mark_failed(settings, failed)
    return _stage(name)(settings)


def _record(settings: Settings) -> None:
    """A challenger that the gate refused, so that people can look at why."""
    try:
        run('record', settings)
    except Refusal as refusal:
        print(refusal)


def _record_refusal(settings: Settings, refusal: Refusal) -> None:
    """For whoever submitted the pipeline, and has no log of its pods."""
    from stages.registry import record_refusal

    record_refusal(settings, str(refusal))


def _stage(name: str) -> Callable[[Settings], object]:
    """Imported when it is run: only training needs PyTorch, only registration MLflow."""
    module, function = STAGES[name]
    return getattr(import_module(f'stages.{module}'), function)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('stages', choices=STAGES, nargs='+', metavar='STAGE')
    default = {each.name: each.default for each in fields(Settings)}
    parser.add_argument('--work', type=Path, default=ROOT / '.cache' / 'loop', help='folder of what stages make')
    parser.add_argument('--source', default=default['source'], help='captured images: a folder or s3://bucket/prefix')
    parser.add_argument('--champion', default=default['champion'], help='a folder, or models:/NAME@champion')
    parser.add_argument('--model', default=default['model'], help='name in captures and registry')
    parser.add_argument(
        '--samples', type=_at_least(LEAST_SAMPLES), default=default['samples'], help='pictures made of the base data'
    )
    parser.add_argument('--epochs', type=_at_least(1), default=default['epochs'], help='times that each is shown')
    parser.add_argument('--workers', type=_at_least(1), default=default['workers'], help='processes that make pictures')
    parser.add_argument('--seed', type=int, default=default['seed'])
    parser.add_argument('--version', default='', help='of promote: number in the registry (default: that of register)')
    parser.add_argument('--submission', default='', help="name of a pipeline's run, for `fetch`")
    parser.add_argument('--failed', default='', metavar='REASON', help='of promote: why the version did not hold')
    return parser


def _at_least(least: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f'{text!r} is not a number of at least {least}')
        return int(text)

    return parse


if __name__ == '__main__':
    sys.exit(main())
