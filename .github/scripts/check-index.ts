/**
 * Holds an image index, the JSON on stdin, to DIGEST, and demands of each of PLATFORMS (linux/amd64,linux/arm64) an image
 * with attestations (SBOM and provenance), and of no other.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

interface Entry {
  readonly digest: string;
  readonly platform?: { readonly os?: string; readonly architecture?: string };
  readonly annotations?: Readonly<Record<string, string>>;
}

/** What is wrong with it. */
export function faultsOf(raw: Uint8Array, digest: string, platforms: readonly string[]): string[] {
  const real = `sha256:${createHash('sha256').update(raw).digest('hex')}`;
  if (real !== digest) return [`is ${real}, not ${digest}`];
  const { manifests = [] } = JSON.parse(new TextDecoder().decode(raw)) as {
    readonly manifests?: readonly Entry[];
  };
  const kind = (entry: Entry): string | undefined => entry.annotations?.['vnd.docker.reference.type'];
  const attested = new Set(
    manifests
      .filter((entry) => kind(entry) === 'attestation-manifest')
      .map(({ annotations }) => annotations?.['vnd.docker.reference.digest']),
  );
  const images = new Map(
    manifests
      .filter((entry) => kind(entry) === undefined)
      .map((entry) => [`${entry.platform?.os}/${entry.platform?.architecture}`, entry]),
  );
  return [
    ...platforms
      .filter((platform) => !images.has(platform))
      .map((platform) => `has no image for ${platform}`),
    ...[...images].flatMap(([platform, { digest: image }]) => [
      ...(platforms.includes(platform) ? [] : [`has an image for ${platform}`]),
      ...(attested.has(image) ? [] : [`has no attestations for ${platform}`]),
    ]),
  ];
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { DIGEST = '', PLATFORMS = '' } = process.env;
  const faults = faultsOf(readFileSync(0), DIGEST, PLATFORMS.split(','));
  if (faults.length > 0) {
    process.stderr.write(`the index ${faults.join('; ')}\n`);
    process.exitCode = 1;
  }
}
