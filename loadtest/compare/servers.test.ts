import { describe, expect, it } from 'vitest';
import { commitOf } from './commits.js';
import { provide } from './servers.js';
import type { Undo } from './undo.js';

const undo: Pick<Undo, 'later'> = {
  later() {
    throw new Error('nothing was to be started');
  },
};
const provided = (wanted: string, environment = {}): ReturnType<typeof provide> =>
  provide(wanted, environment, undefined, undo as Undo);

describe('a server', () => {
  it('that is given by its address is taken as it is', async () => {
    expect(await provided('http://127.0.0.1:9/')).toEqual({
      name: 'http://127.0.0.1:9/',
      url: 'http://127.0.0.1:9',
    });
  });

  it('that is a commit must be one', () => {
    expect(() => commitOf('no-such-branch')).toThrow(/no-such-branch/);
    expect(() => commitOf('--upload-pack=x')).toThrow(/no commit/);
  });

  it('that is the peer needs its Python and its model', async () => {
    await expect(provided('peer:fastapi')).rejects.toThrow(/PEER_PYTHON/);
    await expect(provide('peer:fastapi', {}, 'python3', undo as Undo)).rejects.toThrow(/MODEL/);
  });
});
