import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { runTyped } from '../test/support/terminal.js';
import { COMMANDS } from './commands.js';

it('--version is that of the package', async () => {
  const { version } = JSON.parse(await readFile('package.json', 'utf8'));
  expect(await runTyped(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
});

it('--help names every command, and the --help of each its usage', async () => {
  const { code, stdout } = await runTyped(['--help']);
  expect(code).toBe(0);
  for (const { name, summary, usage } of COMMANDS) {
    expect(stdout).toMatch(new RegExp(`^ {2}cv-inference ${name} +${summary}$`, 'm'));
    const own = await runTyped([name, '--nonsense', '--help']);
    expect(own).toMatchObject({ code: 0, stderr: '' });
    expect(own.stdout.startsWith(`cv-inference ${name} ${usage}\n`)).toBe(true);
  }
});

it.each([
  [['nonsense']],
  [['']],
  [['--nonsense']],
  [['serve', '--nonsense']],
  [['serve', 'model', 'another']],
  [['serve', '--port', 'x']],
  [['serve', '--port', '99999']],
  [['serve', '--port']],
  [['predict']],
  [['predict', 'digits']],
  [['predict', 'digits', 'no such folder']],
  [['predict', 'digits', 's3://']],
  [['predict', 'digits', 'service/models', '--out', '']],
  [['predict', 'digits', 'service/models', '--shard', '2/2']],
])('what cannot be understood is answered with one line and 2: %j', async (args) => {
  const { code, stdout, stderr } = await runTyped(args);
  expect({ code, stdout, lines: stderr.split('\n').length }, stderr).toEqual({
    code: 2,
    stdout: '',
    lines: 2,
  });
});
