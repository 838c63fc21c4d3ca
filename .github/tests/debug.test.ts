import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Answer, callsOf, fakeTool } from './support/fake-tools.js';
import { emptyFolder } from './support/folder.js';
import { type Ended, type Environment, run, SCRIPTS } from './support/run.js';

const KEYS = 'ssh-ed25519 AAAAC3Nza somebody\n';

function debug(keys: Omit<Answer, 'call'>, env: Environment = {}): { ended: Ended; bin: string } {
  const bin = emptyFolder();
  fakeTool(bin, 'curl', [{ call: /https:\/\/github\.com\/somebody\.keys$/, ...keys }]);
  fakeTool(bin, 'tmate', [
    {
      call: /new-session/,
      does: 'while [[ $1 != -f ]]; do shift; done; cat "$2" >&2; sed "s/.*\\"\\(.*\\)\\"/\\1/" "$2" | xargs cat >&2',
    },
    { call: /display/, stdout: 'ssh x@nyc1.tmate.io\n' },
    // Ended at the second look.
    { call: /has-session/, does: `echo >>${bin}/looks`, code: 1 },
    { call: /wait tmate-ready|kill-server/ },
  ]);
  const ended = run(join(SCRIPTS, 'debug-session'), [], {
    bin,
    env: { GITHUB_ACTOR: 'somebody', MINUTES: '30', ...env },
  });
  return { ended, bin };
}

describe('a debug session', () => {
  it('lets in the keys of the one who started it, and nobody else', () => {
    const { ended, bin } = debug({ stdout: KEYS });
    expect(ended).toMatchObject({ code: 0 });
    expect(ended.stderr).toMatch(
      /^set -g tmate-authorized-keys "\/\S+\/keys"\nssh-ed25519 AAAAC3Nza somebody\n/,
    );
    expect(ended.stdout).toContain('ssh x@nyc1.tmate.io');
    expect(callsOf(bin).at(-1)).toMatch(/kill-server$/);
  });

  it.each([
    ['who has no key', { stdout: '' }],
    ['whose keys cannot be read', { code: 22, stderr: '404' }],
  ])('is not opened for somebody %s', (_, keys) => {
    const { ended, bin } = debug(keys);
    expect(ended.code).not.toBe(0);
    expect(callsOf(bin).filter((call) => call.includes('new-session'))).toEqual([]);
  });

  it.each([
    { MINUTES: '600' },
    { MINUTES: '0' },
    { MINUTES: '5; id' },
    { GITHUB_ACTOR: 'dependabot[bot]' },
    { GITHUB_ACTOR: '../somebody' },
  ])('refuses %j', (env) => {
    expect(debug({ stdout: KEYS }, env).ended.code).toBe(2);
  });
});
