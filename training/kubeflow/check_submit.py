"""Submits, by kfp's own client, to a server that answers as the API of Kubeflow (v2beta1) does: a check for CI."""

from __future__ import annotations

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import submit


class Kubeflow(ThreadingHTTPServer):
    """Of one run, which is in each of `states` for one question."""

    def __init__(self, states: list[str]) -> None:
        super().__init__(('127.0.0.1', 0), Handler)
        self.states = states
        self.posted: list[tuple[str, dict[str, object]]] = []


class Handler(BaseHTTPRequestHandler):
    server: Kubeflow

    def do_GET(self) -> None:
        if self.path.startswith('/apis/v2beta1/runs/'):
            states = self.server.states
            return self.answer({'run_id': 'run-1', 'state': states.pop(0) if len(states) > 1 else states[0]})
        if self.path.startswith('/apis/v2beta1/experiments'):
            return self.answer({'experiments': [{'experiment_id': 'experiment-1', 'display_name': 'Default'}]})
        return self.answer({'multi_user': False})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get('content-length', 0)))
        self.server.posted.append((self.path, json.loads(body or b'{}')))
        self.answer({'run_id': 'run-1', 'state': 'PENDING'})

    def answer(self, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header('content-type', 'application/json')
        self.send_header('content-length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        del format, arguments


def submitted(states: list[str], limit_s: float = 30) -> tuple[int, list[str]]:
    """Exit code, and the paths that were posted to."""
    server = Kubeflow(states)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    host = f'http://127.0.0.1:{server.server_address[1]}'
    options = ['--host', host, '--source', 's3://captures', '--submission', 'a-name']
    limits = ['--pause-s', '0.01', '--limit-s', str(limit_s)]
    try:
        code = submit.main([*options, *limits])
    finally:
        server.shutdown()
        server.server_close()
    (path, run), *others = server.posted
    parameters = run['runtime_config']['parameters']
    if path != '/apis/v2beta1/runs' or (parameters['source'], parameters['submission']) != ('s3://captures', 'a-name'):
        sys.exit(f'posted: {server.posted}')
    return code, [path for path, _ in others]


def main() -> None:
    terminate = ['/apis/v2beta1/runs/run-1:terminate']
    expected = {
        'SUCCEEDED': (submitted(['PENDING', 'RUNNING', 'SUCCEEDED']), (0, [])),
        'FAILED': (submitted(['RUNNING', 'FAILED']), (1, [])),
        'CANCELED': (submitted(['RUNNING', 'CANCELING', 'CANCELED']), (1, [])),
        'too long': (submitted(['RUNNING'], limit_s=0.2), (1, terminate)),
    }
    for name, (found, wanted) in expected.items():
        if found != wanted:
            sys.exit(f'{name}: {found}, expected was {wanted}')
    print(f'submit.py: {len(expected)} ends of a run, each with its exit code')


if __name__ == '__main__':
    main()
