import { defineConfig } from 'vitest/config';
import fast from './vitest.config.js';

/** Tests that keep a core busy or wait for many seconds: runs without end, disks that hang. */
export default defineConfig({
  ...fast,
  test: { ...fast.test, include: ['{service,bridge}/**/*.slow.test.ts'], exclude: ['**/node_modules/**'] },
});
