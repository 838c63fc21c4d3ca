import { describe, expect, it } from 'vitest';
import { containersOf, servicePods, valuesAt } from '../support/pods.js';
import { renderKustomization } from '../support/render.js';
import { absent } from '../support/tools.js';

/** As .github/scripts/verify-image demands it of the release of 0.2.0. */
const RELEASE = 'https://github.com/cv-inference/cv-inference/.github/workflows/release.yml@refs/tags/v0.2.0';

describe.skipIf(absent('kustomize'))('signed-images', () => {
  const objects = absent('kustomize')
    ? []
    : renderKustomization({ resources: ['base'], components: ['components/signed-images', 'release'] })
        .objects;
  const policy = objects.find(({ kind }) => kind === 'NamespacedImageValidatingPolicy');
  const at = (path: string): string[] => valuesAt(policy, path).map(String);

  it('takes what release.yml signed at the tag of a version, and nothing else', () => {
    const [subject = ''] = at('spec.attestors[].cosign.keyless.identities[].subjectRegExp');
    const taken = (identity: string): boolean => new RegExp(subject).test(identity);
    expect(taken(RELEASE)).toBe(true);
    for (const other of [
      RELEASE.replace('tags/v0.2.0', 'heads/main'),
      RELEASE.replace('release.yml', 'preview.yml'),
      RELEASE.replace('v0.2.0', 'v0.2.0-rc.1'),
      RELEASE.replace('cv-inference/cv-inference', 'someone/cv-inference'),
      RELEASE.replace('github.com', 'github-com'),
      `https://evil/?${RELEASE}`,
    ]) {
      expect(taken(other), other).toBe(false);
    }
    expect(at('spec.attestors[].cosign.keyless.identities[].issuer')).toEqual([
      'https://token.actions.githubusercontent.com',
    ]);
  });

  it('is about the image that the service runs, and about pods alone', () => {
    const [glob = ''] = at('spec.matchImageReferences[].glob');
    const images = servicePods(objects).flatMap((pod) => containersOf(pod).map(({ image }) => image));
    expect(images.map((image) => image.split(':')[0])).toEqual([glob.replace(/\*$/, '')]);
    expect(at('spec.matchConstraints.resourceRules[].resources[]')).toEqual(['pods']);
    expect(valuesAt(policy, 'spec.autogen.podControllers.controllers')).toEqual([[]]);
    expect([...at('spec.failurePolicy'), ...at('spec.validationActions[]')]).toEqual(['Fail', 'Deny']);
  });
});
