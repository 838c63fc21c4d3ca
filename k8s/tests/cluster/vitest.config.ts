import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** By name: each file goes on with the cluster as the one before has left it. */
class ByName extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return [...files].sort((a, b) => a.moduleId.localeCompare(b.moduleId));
  }
}

/** Against the cluster that KUBECONFIG names, and changes it. */
export default defineConfig({
  test: {
    include: ['k8s/tests/cluster/**/*.check.ts'],
    globalSetup: ['k8s/tests/cluster/support/refuse-used-cluster.ts'],
    fileParallelism: false,
    sequence: { sequencer: ByName },
    reporters: ['verbose'],
    testTimeout: 400_000,
    hookTimeout: 400_000,
    maxConcurrency: 10,
  },
});
