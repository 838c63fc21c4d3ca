import { defineConfig } from 'vitest/config';

/** Needs a kube-apiserver: k8s/tests/tools/install builds one. */
export default defineConfig({
  test: {
    include: ['dashboard/**/*.test.ts'],
    globalSetup: ['dashboard/tests/support/global-setup.ts'],
    // One API server for all, and kinds that one test takes away from the others.
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
