import { configDefaults, defineConfig } from 'vitest/config';

/** Tests that keep a core busy or wait for many seconds: runs without end, disks that hang. */
export default defineConfig({
  test: {
    include: ['{service,bridge}/**/*.slow.test.ts'],
    exclude: configDefaults.exclude,
    globalSetup: ['service/test/support/build.ts'],
    maxWorkers: '100%',
    testTimeout: 20_000,
    hookTimeout: 30_000,
  },
});
