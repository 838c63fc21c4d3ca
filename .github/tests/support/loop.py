"""Stands in for training/loop.py: says in CALLS how it was called, and at ENDS does not come to its end.

The challenger is the shipped model as 2.0.0, without a reference.
"""

import json
import os
import shutil
import sys
from pathlib import Path

work = Path(sys.argv[sys.argv.index('--work') + 1])
ends = os.environ.get('ENDS', '')
with open(os.environ.get('CALLS', os.devnull), 'a', encoding='utf-8') as calls:
    calls.write(' '.join(sys.argv[1:]).replace(str(work), 'WORK') + '\n')
manifest = work / 'challenger' / 'model.json'
if sys.argv[1] == 'register':
    sys.exit('reference' not in json.loads(manifest.read_text(encoding='utf-8')))
print('== ingest')
if ends in ('broken', 'FAILED'):
    sys.exit('Traceback: no space left on device')
if ends != 'bad data':
    (work / 'verdict').mkdir()
    (work / 'verdict' / 'verdict.md').write_text('# Verdict\nby 1 %\n', encoding='utf-8')
    shipped = Path(__file__).parents[1] / 'service' / 'models' / 'digits'
    shutil.copytree(shipped, manifest.parent)
    about = {**json.loads(manifest.read_text(encoding='utf-8')), 'version': '2.0.0'}
    about.pop('reference')
    manifest.write_text(json.dumps(about), encoding='utf-8')
    shutil.copytree(shipped / 'golden', work / 'reference')
if ends:
    print(f'refused: {ends}', file=sys.stderr)
    sys.exit(1)
