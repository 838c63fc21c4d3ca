const PATIENCE_MS = 5000;

export interface ServedModel {
  readonly name: string;
  readonly version: string;
}

/** The server's model, where it says what that is. Throws where nobody answers at all. */
export async function identify(
  target: string,
  headers: Readonly<Record<string, string>>,
): Promise<ServedModel | undefined> {
  const response = await fetch(`${target}/model`, {
    headers,
    signal: AbortSignal.timeout(PATIENCE_MS),
  }).catch((error: unknown) => {
    throw new Error(`nobody answers at ${target}: ${reasonOf(error)}`);
  });
  const { name, version } = (await response.json().catch(() => ({}))) as Readonly<Record<string, unknown>>;
  return typeof name === 'string' && typeof version === 'string' ? { name, version } : undefined;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message || error.cause.name : error.message;
}
