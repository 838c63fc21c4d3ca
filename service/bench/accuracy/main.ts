import { compareDigits } from './digits.js';
import { compareFaces } from './faces.js';
import { compareSpeed } from './gain.js';
import { compareLogits } from './logits.js';

/**
 * What `accuracy: fast` costs in answers and saves in time, against exact:
 * `npm run build && CV_TEST_DATA=<folder> node dist/service/bench/accuracy/main.js [faces|logits|digits|speed ...]`.
 */
const PARTS: Readonly<Record<string, (data: string) => Promise<void>>> = {
  faces: compareFaces,
  logits: compareLogits,
  digits: compareDigits,
  speed: compareSpeed,
};

const data = process.env['CV_TEST_DATA'];
if (data === undefined) throw new Error('CV_TEST_DATA is not set');
const asked = process.argv.slice(2);
for (const name of asked.length === 0 ? Object.keys(PARTS) : asked) await PARTS[name]?.(data);
