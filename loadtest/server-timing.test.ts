import { describe, expect, it } from 'vitest';
import { serverTiming } from '../service/telemetry/request-record.js';
import { STAGES as STAGES_OF_THE_SERVICE } from '../service/telemetry/stages.js';
import { parseServerTiming, STAGES } from './server-timing.js';

describe('Server-Timing', () => {
  it('is read as the service writes it, stage by stage', () => {
    expect(STAGES).toEqual(STAGES_OF_THE_SERVICE);
    const timings = { decode: 1.25, queue: 0, inference: 6.5, postprocess: 0.01 };
    expect(parseServerTiming(serverTiming(timings))).toEqual(timings);
  });

  it.each([
    [undefined, {}],
    ['', {}],
    ['cache;desc="hit", decode;desc="x";dur=2', { decode: 2 }],
    ['decode', {}],
    ['decode;dur=much, queue;dur=1', { queue: 1 }],
  ])('%j holds %j', (header, timings) => {
    expect(parseServerTiming(header)).toEqual(timings);
  });
});
