import { expect, it } from 'vitest';
import { Room } from './room.js';

it('a room holds no more than its bytes at once, and what is larger alone', async () => {
  const room = new Room(10);
  let inside = 0;
  let most = 0;
  const enter = (bytes: number): Promise<void> =>
    room.with(bytes, async () => {
      inside += bytes;
      most = Math.max(most, inside > bytes ? inside : 0);
      await new Promise((resolve) => setImmediate(resolve));
      inside -= bytes;
    });
  await Promise.all([4, 4, 4, 25, 1, 10, 3].map(enter));
  expect(most).toBeLessThanOrEqual(10);
  expect(most).toBeGreaterThan(4);
});

it('a room is free again after a task that fails', async () => {
  const room = new Room(1);
  await expect(room.with(1, () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
  expect(await room.with(1, async () => 'entered')).toBe('entered');
});
