"""The running service, asked over HTTP as any client asks it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
READY_SECONDS = 60
STOP_SECONDS = 20


class ServiceProcess:
    """The service with a model: an ONNX file and its manifest, or a folder that has both."""

    def __init__(
        self, model: Path, manifest: dict[str, Any] | None = None, settings: dict[str, str] | None = None
    ) -> None:
        self._model, self._manifest, self._settings = model, manifest, settings or {}

    def __enter__(self) -> ServiceProcess:
        self._folder = Path(tempfile.mkdtemp(prefix='cv-parity-'))
        with socket.socket() as free:
            free.bind(('127.0.0.1', 0))
            port = free.getsockname()[1]
        self._url = f'http://127.0.0.1:{port}'
        settings = {'HOST': '127.0.0.1', 'PORT': str(port), 'MODEL_URI': str(self._served()), 'LOG_LEVEL': 'warn'}
        self._log = (self._folder / 'log').open('w+')
        self._process = subprocess.Popen(
            ['node', 'dist/service/main.js'],
            cwd=ROOT,
            env=os.environ | settings | self._settings,
            stdout=self._log,
            stderr=self._log,
        )
        try:
            self._wait()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._log.close()
        shutil.rmtree(self._folder)

    def predict(self, image: bytes, query: str = '', headers: dict[str, str] | None = None) -> dict[str, Any]:
        """The answer to one image. Raises where the service gives an error."""
        request = urllib.request.Request(
            f'{self._url}/predict{query}', image, {'content-type': 'application/octet-stream'} | (headers or {})
        )
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.load(response)

    def _served(self) -> Path:
        if self._manifest is None:
            return self._model
        common = {'schema_version': 1, 'name': 'model', 'version': '1.0.0', 'file': 'model.onnx'}
        (self._folder / 'model.json').write_text(json.dumps(common | self._manifest))
        shutil.copy(self._model, self._folder / 'model.onnx')
        return self._folder

    def _wait(self) -> None:
        until = time.monotonic() + READY_SECONDS
        while time.monotonic() < until and self._process.poll() is None:
            try:
                with urllib.request.urlopen(f'{self._url}/ready', timeout=1):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        self._log.seek(0)
        raise RuntimeError(f'the service did not start: {self._log.read()[-2000:]}')
