#!/usr/bin/env node
import { runProcess } from './process.js';

process.exit(await runProcess(process.argv.slice(2), process.env));
