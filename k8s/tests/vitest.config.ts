import { defineConfig } from 'vitest/config';

/** Needs kustomize and other tools on the PATH: k8s/tests/tools/install installs them. */
export default defineConfig({
  test: {
    include: ['k8s/tests/**/*.test.ts'],
    // The live test measures time; nothing else runs beside it.
    fileParallelism: false,
    globalSetup: ['service/test/support/build.ts'],
    testTimeout: 120_000,
    hookTimeout: 300_000,
  },
});
