import { readToken } from './token-file.js';

export interface GitHubAddress {
  /** Without a slash at its end. */
  readonly apiUrl: string;
  /** owner/name */
  readonly repository: string;
  readonly tokenFile: string;
  readonly timeoutMs: number;
}

/**
 * How a call ended: with an answer; surely without GitHub having heard of it (`unsent`); or without anybody knowing
 * (`lost`): no answer in time, or a connection that broke after the request was on its way.
 */
export type CallResult =
  | { readonly kind: 'answer'; readonly status: number; readonly headers: Headers; readonly text: string }
  | { readonly kind: 'unsent' | 'lost'; readonly reason: string };

export interface Call {
  readonly method: 'GET' | 'POST';
  /** Below the repository, such as `/dispatches`. */
  readonly path: string;
  readonly body?: unknown;
}

/** An answer of GitHub's with thirty runs has some 400 kB. */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;

/** Makes one call, with the token as its file has it now. Rejects only where that cannot be read. */
export async function callGitHub(address: GitHubAddress, call: Call): Promise<CallResult> {
  const token = await readToken(address.tokenFile);
  try {
    const answer = await fetch(`${address.apiUrl}/repos/${address.repository}${call.path}`, {
      method: call.method,
      headers: {
        accept: 'application/vnd.github+json',
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        'user-agent': 'cv-inference-bridge',
        'x-github-api-version': '2022-11-28',
      },
      ...(call.body !== undefined && { body: JSON.stringify(call.body) }),
      // The token goes to nobody else.
      redirect: 'manual',
      signal: AbortSignal.timeout(address.timeoutMs),
    });
    return { kind: 'answer', status: answer.status, headers: answer.headers, text: await readText(answer) };
  } catch (error) {
    return failureOf(error);
  }
}

async function readText(answer: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of answer.body ?? []) {
    length += chunk.byteLength;
    if (length > MAX_ANSWER_BYTES) throw new Error('the answer is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** What fails before a connection is there, and trusted. */
const BEFORE_SENDING =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|CERT_\w+|ERR_TLS_\w+|DEPTH_ZERO_\w+|SELF_SIGNED_\w+|UNABLE_TO_\w+)$/;

function failureOf(error: unknown): CallResult {
  const cause = (error as { readonly cause?: unknown }).cause ?? error;
  const { code, name, message } = cause as { code?: unknown; name?: string; message?: string };
  const reason = typeof code === 'string' ? code : (message ?? name ?? 'no answer');
  return { kind: BEFORE_SENDING.test(reason) ? 'unsent' : 'lost', reason };
}
