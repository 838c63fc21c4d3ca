import { describe, expect, it } from 'vitest';
import { IMAGE_FORMATS } from './image.js';
import { encoderOf, picture } from './samples.test-support.js';
import { sniffFormat } from './sniff-format.js';

describe('sniffFormat', () => {
  it('knows every format by its content', async () => {
    for (const format of IMAGE_FORMATS) {
      const bytes = await encoderOf(picture(9, 9)).toFormat(format).toBuffer();
      expect(sniffFormat(bytes).format).toBe(format);
    }
  });

  it('names what it does not decode', () => {
    const named = {
      PDF: '%PDF-1.7',
      SVG: '\n<?xml version="1.0"?>\n<!-- x --><svg width="1">',
      HTML: '<!DOCTYPE html><html>',
      XML: '<note/>',
      BMP: 'BM\0\0',
      HEIC: '\0\0\0\x18ftypheic\0\0\0\0mif1heic',
      MP4: '\0\0\0\x18ftypisom\0\0\0\0isommp42',
      'JPEG XL': '\xff\x0a',
    };
    for (const [name, content] of Object.entries(named)) {
      expect(sniffFormat(Buffer.from(content, 'latin1'))).toEqual({ format: undefined, name });
    }
  });

  it('takes AVIF for what it is when a general brand comes first', () => {
    const bytes = Buffer.from('\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf', 'latin1');
    expect(sniffFormat(bytes).format).toBe('avif');
  });

  it('knows nothing of nothing', () => {
    expect(sniffFormat(new Uint8Array(0)).format).toBeUndefined();
    expect(sniffFormat(Buffer.from('hello world')).format).toBeUndefined();
  });
});
