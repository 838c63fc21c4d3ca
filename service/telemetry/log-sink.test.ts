import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LogSink } from './log-sink.js';

/** Takes as many bytes as the test gives it room for. */
class Reader {
  room = Number.POSITIVE_INFINITY;
  hasGone = false;
  text = '';
  attempts = 0;

  write(bytes: Uint8Array): number {
    this.attempts += 1;
    if (this.hasGone) throw new Error('EPIPE');
    const taken = Math.min(this.room, bytes.length);
    this.room -= taken;
    this.text += Buffer.from(bytes.subarray(0, taken)).toString('latin1');
    return taken;
  }
}

function sinkWith(maxLength: number) {
  const reader = new Reader();
  const sink = new LogSink(reader, maxLength);
  const reports: number[] = [];
  sink.onDropped = (lines) => {
    reports.push(lines);
    sink.write(`${lines} dropped\n`);
  };
  return { reader, sink, reports };
}

describe('LogSink', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('writes the lines of one turn together, in order', async () => {
    const { reader, sink } = sinkWith(100);
    for (const line of ['one\n', 'two\n', 'three\n']) sink.write(line);
    await vi.advanceTimersByTimeAsync(0);
    expect([reader.text, reader.attempts]).toEqual(['one\ntwo\nthree\n', 1]);
  });

  it('keeps what a stalled reader does not take, and goes on in the middle of a line', async () => {
    const { reader, sink } = sinkWith(100);
    reader.room = 6;
    for (const line of ['one\n', 'two\n', 'three\n']) sink.write(line);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(reader.text).toBe('one\ntw');
    sink.write('four\n');
    reader.room = Number.POSITIVE_INFINITY;
    await vi.advanceTimersByTimeAsync(50);
    expect(reader.text).toBe('one\ntwo\nthree\nfour\n');
    expect(sink.droppedLines).toBe(0);
  });

  it('drops what does not fit, counts it, and says so once there is room', async () => {
    const { reader, sink, reports } = sinkWith(20);
    reader.room = 0;
    for (let line = 0; line < 10; line++) sink.write(`line${line}\n`);
    await vi.advanceTimersByTimeAsync(10_000);
    expect([sink.droppedLines, reports]).toEqual([7, []]);
    reader.room = Number.POSITIVE_INFINITY;
    await vi.advanceTimersByTimeAsync(100);
    expect(reader.text).toBe('line0\nline1\nline2\n7 dropped\n');
    sink.write('after\n');
    await vi.advanceTimersByTimeAsync(0);
    expect(reader.text).toMatch(/dropped\nafter\n$/);
    expect(reports).toEqual([7]);
  });

  it('asks a stalled reader a few times a second, however much is logged', async () => {
    const { reader, sink } = sinkWith(1000);
    reader.room = 0;
    for (let ms = 0; ms < 1000; ms++) {
      sink.write('line\n');
      await vi.advanceTimersByTimeAsync(1);
    }
    expect(reader.attempts).toBeLessThan(30);
  });

  it('counts what is logged after the reader has gone, and tears no line for the next one', async () => {
    const { reader, sink } = sinkWith(100);
    reader.room = 6;
    for (const line of ['one\n', 'two\n', 'three\n']) sink.write(line);
    await vi.advanceTimersByTimeAsync(0);
    reader.hasGone = true;
    await vi.advanceTimersByTimeAsync(100);
    expect(sink.droppedLines).toBe(1);
    sink.write('four\n');
    await vi.advanceTimersByTimeAsync(1000);
    expect(sink.droppedLines).toBe(2);
    reader.hasGone = false;
    reader.room = Number.POSITIVE_INFINITY;
    sink.write('five\n');
    await vi.advanceTimersByTimeAsync(1000);
    expect(reader.text).toBe('one\ntwo\nfive\n2 dropped\n');
  });

  it('flushes until all is written, and no longer than it is told to', async () => {
    const { reader, sink } = sinkWith(100);
    reader.room = 0;
    sink.write('last\n');
    const flushed = sink.flush(500);
    await vi.advanceTimersByTimeAsync(200);
    reader.room = Number.POSITIVE_INFINITY;
    await vi.advanceTimersByTimeAsync(1);
    await flushed;
    expect(reader.text).toBe('last\n');
    reader.room = 0;
    sink.write('lost\n');
    const given = sink.flush(500);
    await vi.advanceTimersByTimeAsync(501);
    await given;
    expect(reader.text).toBe('last\n');
  });
});
