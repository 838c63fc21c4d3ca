export interface JsonRequest {
  readonly url: string;
  readonly token?: string;
  readonly stop: AbortSignal;
}

const TIMEOUT_MS = 5000;
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/** What a GET answers in JSON. Rejects with a sentence where it is not 200, is too large or does not come. */
export async function getJson({ url, token, stop }: JsonRequest): Promise<unknown> {
  const answer = await fetch(url, {
    headers: { accept: 'application/json', ...(token !== undefined && { authorization: `Bearer ${token}` }) },
    // The token goes to nobody else.
    redirect: 'error',
    signal: AbortSignal.any([stop, AbortSignal.timeout(TIMEOUT_MS)]),
  }).catch((error: unknown) => {
    throw new Error(`no answer: ${reasonOf(error)}`, { cause: error });
  });
  const text = await readText(answer);
  if (!answer.ok) throw new Error(`answers ${answer.status}`);
  return JSON.parse(text);
}

/** fetch says only that it failed, and why in the cause. */
function reasonOf(error: unknown): string {
  const { cause, message } = error as {
    readonly cause?: { code?: string; message?: string };
    message?: string;
  };
  return cause?.code ?? cause?.message ?? message ?? 'unknown';
}

async function readText(answer: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of answer.body ?? []) {
    length += chunk.byteLength;
    if (length > MAX_ANSWER_BYTES) throw new Error(`answers more than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
