import { configDefaults, defineConfig } from 'vitest/config';

/**
 * Loading the same modules for each of two hundred files was a third of the time. These parts keep nothing in their modules:
 * their files share one process. The others have one each, for they decode: sharp's settings are the whole process's.
 */
const SHARING = [
  'service/{admission,batching,drawing,http,model,statistics,tasks,telemetry,test}/**/*.test.ts',
  '{bridge,infrastructure,loadtest,loop,optimize}/**/*.test.ts',
];
const exclude = [...configDefaults.exclude, '**/*.slow.test.ts', '**/*.browser.test.ts'];

export default defineConfig({
  test: {
    globalSetup: ['service/test/support/build.ts'],
    // Most tests wait for processes: two cores serve two files at a time.
    maxWorkers: '100%',
    testTimeout: 20_000,
    hookTimeout: 30_000,
    projects: [
      { extends: true, test: { name: 'sharing', include: SHARING, exclude, isolate: false } },
      {
        extends: true,
        test: { name: 'alone', include: ['service/**/*.test.ts'], exclude: [...exclude, ...SHARING] },
      },
    ],
  },
});
