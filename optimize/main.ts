import { runOptimize } from './command.js';

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
process.env['ORT_DISABLE_TELEMETRY'] ??= '1';
process.exit(await runOptimize(process.argv.slice(2), process.env));
