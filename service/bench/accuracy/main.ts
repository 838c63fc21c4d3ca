import { compareDigits } from './digits.js';
import { compareFaces } from './faces.js';
import { compareSpeed } from './gain.js';
import { compareLogits } from './logits.js';

/**
 * What `accuracy: fast` costs in answers and saves in time, against exact:
 * `npm run build && CV_TEST_DATA=<folder> node dist/service/bench/accuracy/main.js`.
 */
const data = process.env['CV_TEST_DATA'];
if (data === undefined) throw new Error('CV_TEST_DATA is not set');
await compareFaces(data);
await compareLogits(data);
await compareDigits();
await compareSpeed(data);
