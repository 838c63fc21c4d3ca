"""Submits the pipeline and waits for its end: `python training/kubeflow/submit.py --source s3://... --submission NAME`.

Exit code: 0 the run succeeded; 1 it failed, was cancelled or skipped, took too long (then it is terminated), or could
not be asked for. KFP_HOST says where Kubeflow Pipelines is.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from kfp import Client, compiler
from pipeline import retrain
from waiting import wait


class KubeflowRuns:
    """By kfp's client."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def state(self, run: str) -> str:
        return str(self.client.get_run(run).state)

    def terminate(self, run: str) -> None:
        self.client.terminate_run(run)


def submit(client: Client, arguments: dict[str, object]) -> str:
    """Starts a run of the pipeline as it is compiled now; returns its id."""
    with tempfile.TemporaryDirectory() as folder:
        package = str(Path(folder, 'retrain.yaml'))
        compiler.Compiler().compile(retrain, package)
        # What was computed before is computed again: captures change under the same address.
        return client.create_run_from_pipeline_package(package, arguments, enable_caching=False).run_id


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--host', default=os.environ.get('KFP_HOST', ''))
    parser.add_argument('--source', required=True, help='captured images: s3://bucket/prefix')
    parser.add_argument('--submission', required=True, help='any name: `loop.py fetch` finds by it what the run made')
    parser.add_argument('--champion', default='models:/digits@champion')
    parser.add_argument('--model', default='digits')
    parser.add_argument('--samples', type=int, default=20_000)
    parser.add_argument('--epochs', type=int, default=3)
    parser.add_argument('--limit-s', type=float, default=7200)
    parser.add_argument('--pause-s', type=float, default=10)
    options = vars(parser.parse_args(arguments))
    limit_s, pause_s = options.pop('limit_s'), options.pop('pause_s')
    client = Client(host=options.pop('host'))
    run = submit(client, options)
    print(f'run {run} submitted', flush=True)
    state = wait(KubeflowRuns(client), run, limit_s, pause_s)
    print(f'run {run}: {state}')
    return 0 if state == 'SUCCEEDED' else 1


if __name__ == '__main__':
    sys.exit(main())
