import { runBridge } from './run.js';

process.exit(await runBridge(process.env));
