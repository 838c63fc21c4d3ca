import { join } from 'node:path';
import { runDashboard } from './run.js';

/** Of the repository, from dashboard/dist/dashboard. */
const ROOT = join(import.meta.dirname, '../../..');

process.exit(await runDashboard(process.env, ROOT));
