import type { Attack } from './attack.js';
import { sendSlowly } from './slow-bodies.js';

const HEADS = 500;

export const slowHeads: Attack = {
  name: 'slow-heads',
  what: '500 heads of a byte a second',
  run: (target, signal) =>
    sendSlowly(HEADS, 'POST /predict HTTP/1.1\r\nhost: x\r\nx-long: ', 'a', target, signal),
};
