/**
 * Tells the registry what has become of the model that production was promoted to: the alias `champion` moves to its
 * version where it has held, and that version is marked where it has not. From the environment: MLFLOW_TRACKING_URI,
 * MLFLOW_TRACKING_TOKEN (may be empty), MODEL_SHA256 (the version's tag `sha256`; empty: the model of the image, which no
 * registry has), RESULT (success or failure).
 */
import { pathToFileURL } from 'node:url';

const TIMEOUT_MS = 30_000;
const DIGEST = /^(sha256-files:)?[0-9a-f]{64}$/;

export interface Promotion {
  readonly trackingUri: string;
  readonly token: string;
  readonly sha256: string;
  readonly hasHeld: boolean;
}

interface ModelVersion {
  readonly name: string;
  readonly version: string;
  readonly aliases?: readonly string[];
}

/** @returns what was done, in a sentence. Throws where the registry does not know the model, or does not answer. */
export async function settleChampion(promotion: Promotion): Promise<string> {
  const { sha256, hasHeld } = promotion;
  if (sha256 === '') return 'the model is that of the image: no version to settle';
  if (!DIGEST.test(sha256)) throw new Error(`not a digest: ${sha256}`);
  const { name, version, aliases = [] } = await findVersion(promotion);
  // Nor is it marked where what failed was another image with it.
  if (aliases.includes('champion')) return `${name} ${version} is champion already`;
  const canary = { name, version, key: 'canary', value: hasHeld ? 'held' : 'failed' };
  await call(promotion, 'model-versions/set-tag', canary);
  if (!hasHeld) return `${name} ${version} is marked as failed; champion stays`;
  await call(promotion, 'registered-models/alias', { name, alias: 'champion', version });
  return `${name} ${version} is champion`;
}

async function findVersion(promotion: Promotion): Promise<ModelVersion> {
  const filter = encodeURIComponent(`tags.sha256 = '${promotion.sha256}'`);
  const answer = await call(
    promotion,
    `model-versions/search?filter=${filter}&order_by=version_number%20DESC`,
  );
  const [found] = (answer as { model_versions?: ModelVersion[] }).model_versions ?? [];
  if (found === undefined)
    throw new Error(`the registry has no version with the tag sha256=${promotion.sha256}`);
  return found;
}

async function call({ trackingUri, token }: Promotion, path: string, body?: object): Promise<unknown> {
  const answer = await fetch(`${trackingUri.replace(/\/+$/, '')}/api/2.0/mlflow/${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token !== '' && { authorization: `Bearer ${token}` }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!answer.ok) throw new Error(`${path.split('?')[0]}: MLflow answered ${answer.status}`);
  return answer.json();
}

async function main(environment: NodeJS.ProcessEnv): Promise<void> {
  const said = await settleChampion({
    trackingUri: environment['MLFLOW_TRACKING_URI'] ?? '',
    token: environment['MLFLOW_TRACKING_TOKEN'] ?? '',
    sha256: environment['MODEL_SHA256'] ?? '',
    hasHeld: environment['RESULT'] === 'success',
  });
  process.stdout.write(`${said}\n`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main(process.env);
