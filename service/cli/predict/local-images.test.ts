import { execFileSync } from 'node:child_process';
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../test/support/models.js';
import { UsageError } from '../outcome.js';
import { localImages } from './local-images.js';

async function listed(path: string): Promise<string[]> {
  const names: string[] = [];
  for await (const name of localImages(path, ['jpeg', 'png']).list()) names.push(name);
  return names;
}

async function folderWith(files: readonly string[]): Promise<string> {
  const folder = await temporaryFolder();
  for (const file of files) {
    await mkdir(join(folder, file, '..'), { recursive: true });
    await writeFile(join(folder, file), 'bytes');
  }
  return folder;
}

const codeOf = async (path: string): Promise<unknown> =>
  localImages(path, [])
    .read(path, 100)
    .then(
      () => 'read',
      (error: { code?: unknown }) => error.code,
    );

describe('the images of a folder', () => {
  it('are those below it whose extension is of an enabled format, sorted by code points', async () => {
    const odd = ['a "b"\nc.PNG', 'ä.jpg', '😀.jpeg', '-.jpg', '=1+1.png'];
    const folder = await folderWith([...odd, 'b/2.jpg', 'b/10.jpg', 'c.webp', 'd.txt', 'jpg', 'Z.jfif']);
    const names = (await listed(`${folder}/./`)).map((name) => relative(folder, name));
    expect(names).toEqual([
      '-.jpg',
      '=1+1.png',
      'Z.jfif',
      'a "b"\nc.PNG',
      'b/10.jpg',
      'b/2.jpg',
      'ä.jpg',
      '😀.jpeg',
    ]);
  });

  it('are found behind links, each folder once, also where links lead in circles', async () => {
    const folder = await folderWith(['a/1.jpg', 'b/2.jpg']);
    await symlink('..', join(folder, 'a/up'));
    await symlink('../b', join(folder, 'a/b'));
    await symlink('self', join(folder, 'self'));
    await symlink('b/2.jpg', join(folder, 'link.jpg'));
    await symlink('nowhere', join(folder, 'broken.jpg'));
    const names = (await listed(folder)).map((name) => relative(folder, name));
    expect(names).toEqual(['a/1.jpg', 'a/b/2.jpg', 'broken.jpg', 'link.jpg']);
  });

  it('are none of a folder that is not there', async () => {
    await expect(listed(join(await temporaryFolder(), 'nothing'))).rejects.toThrow(UsageError);
  });

  it('keep their place in the folder for what is written beside the answers', async () => {
    const folder = await folderWith(['a/1.jpg']);
    const { relative: placeOf } = localImages(folder, []);
    expect(placeOf(join(folder, 'a/1.jpg'))).toBe('a/1.jpg');
    expect(localImages('x/y.jpg', []).relative('x/y.jpg')).toBe('y.jpg');
  });
});

describe('a file that was typed', () => {
  it('is taken whatever its extension', async () => {
    const folder = await folderWith(['scan.bin']);
    expect(await listed(join(folder, 'scan.bin'))).toEqual([join(folder, 'scan.bin')]);
  });
});

describe('reading', () => {
  it('refuses what is too large, is no file, or is not there', async () => {
    const folder = await folderWith(['small.jpg']);
    await writeFile(join(folder, 'large.jpg'), new Uint8Array(101));
    execFileSync('mkfifo', [join(folder, 'pipe.jpg')]);
    await mkdir(join(folder, 'folder.jpg'));
    expect(await codeOf(join(folder, 'small.jpg'))).toBe('read');
    expect(await codeOf(join(folder, 'large.jpg'))).toBe('IMAGE_TOO_LARGE');
    for (const name of ['pipe.jpg', 'folder.jpg', 'nothing.jpg', 'small.jpg/x.jpg']) {
      expect(await codeOf(join(folder, name)), name).toBe('IMAGE_MISSING');
    }
  });

  it.runIf(process.getuid?.() !== 0)('refuses what this user may not read', async () => {
    const folder = await folderWith(['secret.jpg']);
    await chmod(join(folder, 'secret.jpg'), 0);
    expect(await codeOf(join(folder, 'secret.jpg'))).toBe('IMAGE_MISSING');
  });
});
