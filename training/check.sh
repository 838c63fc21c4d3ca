#!/usr/bin/env bash
# Checks training and the model in the repository: lint and tests, in a virtual environment of its own.
#   training/check.sh [FOLDER]   FOLDER: the environment (default: .cache/training-venv), made where missing
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
venv=${1:-$here/../.cache/training-venv}
requirements=(-r "$here/requirements.txt" -r "$here/requirements-loop.txt" -r "$here/requirements-test.txt")
python=$venv/bin/python
export OMP_NUM_THREADS=1 MLFLOW_DISABLE_TELEMETRY=true PIP_DISABLE_PIP_VERSION_CHECK=1

# On Linux x86-64 PyTorch comes without its 4 GB of CUDA libraries where a compiler can stand in for them.
install() {
  "${PYTHON:-python3}" -m venv --clear "$venv"
  if [[ "$(uname -sm)" == 'Linux x86_64' ]] && command -v gcc readelf >/dev/null &&
    "$python" -m pip install --quiet --no-deps "${requirements[@]}" &&
    "$python" "$here/light_torch.py"; then
    return
  fi
  "$python" -m pip install --quiet "${requirements[@]}"
}

pins=$(cat "$here"/requirements{,-loop,-test}.txt "$here/quantize/requirements.txt")
if [[ "$(cat "$venv/installed.txt" 2>/dev/null)" != "$pins" ]]; then
  install
  echo "$pins" >"$venv/installed.txt"
fi
cd "$here"
"$venv/bin/ruff" check --no-cache .
"$venv/bin/ruff" format --no-cache --check .
"$python" -m pytest -q -p no:cacheprovider tests
