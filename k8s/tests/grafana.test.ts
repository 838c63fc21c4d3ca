import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { containersOf, podsOf } from './support/pods.js';
import { renderKustomization } from './support/render.js';
import { absent } from './support/tools.js';

describe.skipIf(absent('kustomize'))('the password of Grafana', () => {
  const { objects } = absent('kustomize')
    ? { objects: [] }
    : renderKustomization({ resources: ['base'], components: ['components/victoria-metrics'] });
  const containers = podsOf(objects).flatMap(containersOf);
  const grafana = containers.find(({ name }) => name === 'grafana');
  const settings = Object.fromEntries((grafana?.env ?? []).map(({ name, value }) => [name, value]));

  /** What the init container leaves, where the Secret holds this or there is none. */
  function password(given?: string): string {
    const folder = mkdtempSync(join(tmpdir(), 'cv-grafana-'));
    try {
      mkdirSync(join(folder, 'given'));
      mkdirSync(join(folder, 'run/grafana'), { recursive: true });
      if (given !== undefined) writeFileSync(join(folder, 'given/admin-password'), given);
      const { command = [] } = containers.find(({ name }) => name === 'password') ?? {};
      const [shell = '', ...args] = command.map((part) =>
        part.replaceAll(/(?<=\s|>)\/(given|run)/g, `${folder}/$1`),
      );
      execFileSync(shell, args, { stdio: 'ignore' });
      const file = join(folder, settings['GF_SECURITY_ADMIN_PASSWORD__FILE'] ?? '');
      expect(statSync(file).mode & 0o077).toBe(0);
      return readFileSync(file, 'utf8').trim();
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  it('is that of the Secret where there is one, and a random one where there is none', () => {
    expect(password('from the Secret')).toBe('from the Secret');
    const [first, second] = [password(), password()];
    expect(first).toMatch(/^[\w+/]{24}$/);
    expect(second).not.toBe(first);
  });

  it('is asked of everybody', () => {
    expect(settings['GF_AUTH_ANONYMOUS_ENABLED']).toBe('false');
    expect(settings['GF_USERS_ALLOW_SIGN_UP']).toBe('false');
  });
});
