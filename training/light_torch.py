"""Makes PyTorch from PyPI run on the CPU without the CUDA libraries it is linked against (Linux, x86-64).

PyPI has no CPU-only build of PyTorch for Linux on x86-64: the one it has pulls in some 4 GB of CUDA
libraries, and does not load without them although a CPU run calls nothing in them. After
`pip install --no-deps torch`, this writes empty stand-ins for them (each function returns an error, so
PyTorch finds no GPU) next to PyTorch's own libraries. Needs gcc and readelf.
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

CUDA_LIBRARY = re.compile(r'lib(?:cu|nccl|nvrtc|nvshmem|nvjit)\w*\.so\.\d+', re.IGNORECASE)
CUDA_SYMBOL = re.compile(r' UND ((?:__cuda|cu|nccl|nvshmem|nvrtc|nvJit)\w+)(?:@(\S+))?')
ERROR = 100
"""cudaErrorNoDevice."""


def main() -> None:
    """Writes the stand-ins unless PyTorch already loads."""
    if _loads():
        print('PyTorch loads as it is')
        return
    folder = _torch_folder() / 'lib'
    libraries, symbols = _wanted(sorted(folder.glob('*.so')))
    for library, versions in libraries.items():
        if not (folder / library).exists():
            _write(folder / library, versions, symbols)
    if not _loads():
        sys.exit('PyTorch does not load with the stand-ins: install it with its dependencies')
    print(f'{len(libraries)} stand-ins written')


def _loads() -> bool:
    return subprocess.run([sys.executable, '-c', 'import torch'], capture_output=True, check=False).returncode == 0


def _torch_folder() -> Path:
    spec = importlib.util.find_spec('torch')
    if spec is None or spec.origin is None:
        sys.exit('PyTorch is not installed')
    return Path(spec.origin).parent


def _wanted(files: list[Path]) -> tuple[dict[str, set[str]], set[tuple[str, str]]]:
    """CUDA libraries with the symbol versions wanted of each, and the symbols (name, version or '')."""
    libraries: dict[str, set[str]] = defaultdict(set)
    symbols: set[tuple[str, str]] = set()
    for file in files:
        for name in re.findall(r'\[(lib[^]]+)\]', _readelf('-d', file)):
            if CUDA_LIBRARY.fullmatch(name):
                libraries[name] |= set()
        symbols.update(CUDA_SYMBOL.findall(_readelf('--dyn-syms', file)))
        library = ''
        for kind, name in re.findall(r'(File|Name): (\S+)', _readelf('-V', file)):
            library = name if kind == 'File' else library
            if kind == 'Name' and CUDA_LIBRARY.fullmatch(library):
                libraries[library].add(name)
    return libraries, symbols


def _readelf(option: str, file: Path) -> str:
    return subprocess.run(['readelf', '-W', option, str(file)], capture_output=True, text=True, check=True).stdout


def _write(path: Path, versions: set[str], symbols: set[tuple[str, str]]) -> None:
    """Compiles one stand-in with the symbols of its versions (those without a version go everywhere)."""
    names = sorted({name for name, version in symbols if (version in versions if versions else not version)})
    with tempfile.TemporaryDirectory() as scratch:
        source, script = Path(scratch, 'stub.c'), Path(scratch, 'stub.map')
        source.write_text('\n'.join(f'int {name}(void) {{ return {ERROR}; }}' for name in names) + '\n')
        command = ['gcc', '-shared', '-fPIC', '-w', f'-Wl,-soname,{path.name}', '-o', str(path), str(source)]
        if versions:
            members = {v: ' '.join(f'{n};' for n, version in sorted(symbols) if version == v) for v in versions}
            script.write_text('\n'.join(f'{v} {{ global: {members[v]} }};' for v in sorted(versions)) + '\n')
            command.append(f'-Wl,--version-script={script}')
        subprocess.run(command, check=True)


if __name__ == '__main__':
    main()
