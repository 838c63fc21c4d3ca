import { describe, expect, it } from 'vitest';
import { Metrics } from './metrics.js';
import { type ImageRecord, imageFields, RequestRecord, serverTiming } from './request-record.js';
import { spansFrom } from './stages.js';

function answered(decodeMs: number, inferenceMs: number): ImageRecord {
  const spans = spansFrom(0, [
    { stage: 'decode', durationMs: decodeMs },
    { stage: 'queue', durationMs: 1 },
    { stage: 'decode', durationMs: decodeMs },
    { stage: 'inference', durationMs: inferenceMs },
  ]);
  const image = { width: 4, height: 3, format: 'png' };
  return { outcome: 'ok', image, spans, observed: { labels: ['7'], scores: [0.5] } };
}
const REFUSED: ImageRecord = { outcome: 'client_error', code: 'IMAGE_UNDECODABLE', spans: [] };

function recordOf(...images: ImageRecord[]): RequestRecord {
  const record = new RequestRecord();
  record.images = images;
  record.bytes = 100;
  return record;
}

describe('the record of a request', () => {
  it('shows the slowest of each stage in the header, a stage gone through twice with both', () => {
    const { timings } = recordOf(answered(2, 9), REFUSED, answered(3, 5));
    expect(timings).toEqual({ decode: 6, queue: 1, inference: 9 });
    expect(serverTiming(timings)).toBe('decode;dur=6.00, queue;dur=1.00, inference;dur=9.00');
  });

  it('has spans that follow each other, for traces', () => {
    const [image] = recordOf(answered(2, 9)).images;
    const starts = image?.outcome === 'ok' ? image.spans.map(({ startedAt }) => startedAt) : [];
    expect(starts).toEqual([0, 2, 3, 5]);
  });

  it('tells the log of one image what it was, of many how many failed', () => {
    expect(imageFields(recordOf(answered(1, 1)))).toMatchObject({ image: { width: 4 }, bytes: 100 });
    expect(imageFields(recordOf(answered(1, 1), REFUSED))).toMatchObject({ images: 2, failed: 1 });
    expect(imageFields(recordOf())).toEqual({});
  });

  it('has each error once, of the request or of its images', () => {
    expect(recordOf(answered(1, 1), REFUSED).codes).toEqual(['IMAGE_UNDECODABLE']);
    const failure = { code: 'OVERLOADED', thrown: undefined };
    expect(Object.assign(recordOf(REFUSED), { failure }).codes).toEqual(['OVERLOADED']);
  });

  it('counts each image, and the stages of those that were answered', async () => {
    const metrics = new Metrics();
    const model = metrics.forModel('m');
    for (const image of [answered(1, 1), REFUSED, REFUSED]) model.ended(image);
    const text = await metrics.text();
    expect(text).toContain('cv_images_total{model="m",outcome="ok"} 1\n');
    expect(text).toContain('cv_images_total{model="m",outcome="client_error"} 2\n');
    expect(text).toContain('cv_stage_duration_seconds_count{model="m",stage="decode"} 1\n');
  });
});
