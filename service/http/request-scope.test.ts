import { EventEmitter } from 'node:events';
import type { FastifyReply } from 'fastify';
import { expect, it, vi } from 'vitest';
import { Admission } from './admission.js';
import { openScope } from './request-scope.js';

/** As much of a reply as a scope looks at: the connection that closes. */
function replyOf(writableFinished: boolean): FastifyReply & { raw: EventEmitter } {
  const raw = Object.assign(new EventEmitter(), { writableFinished });
  return { raw } as unknown as FastifyReply & { raw: EventEmitter };
}

const house = (): Admission => new Admission({ maxImages: 1, maxBytes: 10, expectedMs: () => 0 });

it('calls back once when the request ends, and at once after that: what was let in is let out', () => {
  const reply = replyOf(false);
  const scope = openScope(reply, 1000, house().openBody());
  const [early, late] = [vi.fn(), vi.fn()];
  scope.onEnd(early);
  expect(early).not.toHaveBeenCalled();
  reply.raw.emit('close');
  scope.onEnd(late);
  expect([early, late].map(({ mock }) => mock.calls.length)).toEqual([1, 1]);
  expect(scope.signal.reason).toMatchObject({ code: 'CLIENT_CLOSED_REQUEST' });
});

it('keeps its signal where the answer went out whole', () => {
  const reply = replyOf(true);
  const scope = openScope(reply, 1000, house().openBody());
  reply.raw.emit('close');
  expect(scope.signal.aborted).toBe(false);
});

it('lets the body out when the request ends', () => {
  const admission = house();
  const reply = replyOf(true);
  openScope(reply, 1000, admission.openBody()).takeIn(10);
  const { takeIn } = openScope(replyOf(true), 1000, admission.openBody());
  expect(() => takeIn(1)).toThrow(expect.objectContaining({ code: 'OVERLOADED' }));
  reply.raw.emit('close');
  expect(() => takeIn(1)).not.toThrow();
});
