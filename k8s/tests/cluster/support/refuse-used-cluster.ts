import { ask, clusterAbsent } from './kubectl.js';

/**
 * These checks install, overwrite and delete: never where somebody's service runs. Their own Git server marks a cluster as
 * theirs.
 */
export async function setup(): Promise<void> {
  if (clusterAbsent()) return;
  const [service, own] = await Promise.all(
    ['cv-inference', 'git'].map((name) => ask('get', 'namespace', name)),
  );
  if (service !== undefined && own === undefined) {
    throw new Error(
      'the cluster of KUBECONFIG has a namespace cv-inference: this is not a cluster to throw away',
    );
  }
}
