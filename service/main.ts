import { runProcess } from './cli/process.js';

// The process of a container: `cv-inference serve`.
process.exit(await runProcess(['serve', ...process.argv.slice(2)], process.env));
