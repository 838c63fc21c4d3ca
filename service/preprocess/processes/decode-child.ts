import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { ServiceError } from '../../errors.js';
import { yieldToMainThread } from '../../niceness.js';
import { builtFile } from '../../package-files.js';
import type { ImageFormat } from '../image.js';
import { FrameReader, writeFrame } from './frame.js';
import type { DecodeAnswer, DecodeJob, DecodeProcessInit } from './messages.js';

const ENTRY = builtFile('preprocess/processes/decode-process.js');
/** Pixels lie outside the heap of V8, which is small; the process collects itself what it has sent. */
const NODE_OPTIONS = [
  '--max-old-space-size=64',
  '--max-semi-space-size=1',
  '--single-threaded',
  '--expose-gc',
];
/**
 * All that the process sees of the environment, so that no key or password is where hostile files are read. One thread
 * decodes. What it lets go of is used for the next image, up to 16 MiB at a time and 32 in all; the rest is given back at once.
 */
const ENVIRONMENT = {
  UV_THREADPOOL_SIZE: '1',
  MALLOC_ARENA_MAX: '1',
  MALLOC_MMAP_THRESHOLD_: '16777216',
  MALLOC_TRIM_THRESHOLD_: '33554432',
};
/** What the file itself brings about; other signals come from outside (SIGKILL: memory has run out). */
const CRASHES: ReadonlySet<NodeJS.Signals> = new Set([
  'SIGSEGV',
  'SIGABRT',
  'SIGBUS',
  'SIGILL',
  'SIGFPE',
  'SIGTRAP',
  'SIGSYS',
]);
const MAX_STDERR_CHARACTERS = 2000;
/** A picture is reduced to a longest side; a PNG of noise is a little larger than its pixels. */
const MAX_PICTURE_BYTES = 64 * 1024 * 1024;

/** What came of a job. */
export interface JobReply {
  readonly answer: Extract<DecodeAnswer, { type: 'decoded' | 'drawn' }>;
  readonly body: ArrayBuffer;
  /** Not the first image of its process. */
  readonly isWarm: boolean;
}

export interface DecodeChildEvents {
  /** It takes files from now on. */
  onReady(): void;
  /** It has ended, for whatever reason, and has answered for what it had. */
  onExit(loss: DecodeLoss): void;
}

export interface DecodeLoss {
  /** It had decoded something, or ended over a file, or was ended from here: there is nothing wrong with processes as such. */
  readonly wasOfUse: boolean;
  readonly reason: string;
}

interface RunningJob {
  readonly format: ImageFormat;
  readonly resolve: (reply: JobReply) => void;
  readonly reject: (error: ServiceError) => void;
}

/** A process that decodes one file at a time. */
export class DecodeChild {
  /** Settles when the process is gone. */
  readonly exited: Promise<void>;
  readonly #child: ChildProcess;
  readonly #pipe: Socket;
  readonly #events: DecodeChildEvents;
  #job: RunningJob | undefined;
  #verdict: ServiceError | undefined;
  #isReady = false;
  #hasEnded = false;
  #isWarm = false;
  #stderr = '';

  constructor(init: DecodeProcessInit, events: DecodeChildEvents) {
    this.#events = events;
    this.#child = spawn(process.execPath, [...NODE_OPTIONS, ENTRY, JSON.stringify(init)], {
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
      env: ENVIRONMENT,
    });
    if (this.#child.pid !== undefined) yieldToMainThread(this.#child.pid);
    this.#pipe = this.#child.stdio[3] as Socket;
    this.exited = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => resolve(this.#exit(code, signal, undefined)));
      this.#child.once('error', (error) => resolve(this.#exit(null, null, error)));
    });
    this.#listen(Math.max(init.maxPixels * 3, MAX_PICTURE_BYTES));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get isReady(): boolean {
    return this.#isReady && !this.#hasEnded;
  }

  /** Ready, and without a file. */
  get isFree(): boolean {
    return this.isReady && this.#job === undefined && this.#verdict === undefined;
  }

  /** @param body must not change before the promise settles */
  run(job: DecodeJob, body: readonly Uint8Array[]): Promise<JobReply> {
    return new Promise((resolve, reject) => {
      this.#job = { format: job.format, resolve, reject };
      this.#keepAlive(true);
      writeFrame(this.#pipe, job, body);
    });
  }

  /** Ends the process, whatever it does; the file that it has gets the verdict. */
  end(verdict: ServiceError): void {
    this.#verdict ??= verdict;
    this.#keepAlive(true);
    this.#child.kill('SIGKILL');
  }

  #listen(maxBodyBytes: number): void {
    const reader = new FrameReader<DecodeAnswer>(maxBodyBytes, (answer, body) => this.#receive(answer, body));
    this.#pipe.on('data', (chunk) => {
      try {
        reader.push(chunk);
      } catch (cause) {
        this.end(lost(cause));
      }
    });
    // The end of the process says more than that of its pipe.
    this.#pipe.on('error', () => undefined);
    this.#pipe.on('close', () => this.#child.kill('SIGKILL'));
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-MAX_STDERR_CHARACTERS);
    });
  }

  #receive(answer: DecodeAnswer, body: ArrayBuffer): void {
    if (answer.type === 'ready') {
      this.#isReady = true;
      this.#keepAlive(false);
      this.#events.onReady();
    } else if (answer.type === 'too-long') {
      this.end(tooLong(this.#job?.format));
    } else {
      const job = this.#takeJob();
      if (job !== undefined) settle(job, answer, { body, isWarm: this.#isWarm });
      this.#isWarm = true;
    }
  }

  #takeJob(): RunningJob | undefined {
    const job = this.#job;
    this.#job = undefined;
    this.#keepAlive(false);
    return job;
  }

  #exit(code: number | null, signal: NodeJS.Signals | null, error: Error | undefined): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    const end = error?.message ?? signal ?? `exit code ${code}`;
    const reason = [end, this.#stderr.trim()].filter((part) => part !== '').join(': ');
    const job = this.#takeJob();
    const isCrash = signal !== null && CRASHES.has(signal);
    job?.reject(this.#verdict ?? (isCrash ? crashed(job.format, reason) : lost(reason)));
    this.#pipe?.destroy();
    const wasOfUse = this.#isWarm || job !== undefined || (this.#isReady && this.#verdict !== undefined);
    this.#events.onExit({ wasOfUse, reason });
  }

  /** What only waits for a file does not keep the service's process alive. */
  #keepAlive(alive: boolean): void {
    const stderr = this.#child.stderr as Socket | null;
    for (const handle of [this.#child, this.#pipe, stderr]) {
      if (alive) handle?.ref();
      else handle?.unref();
    }
  }
}

function settle(
  job: RunningJob,
  answer: Exclude<DecodeAnswer, { type: 'ready' | 'too-long' }>,
  rest: Omit<JobReply, 'answer'>,
): void {
  if (answer.type === 'refused') {
    const { code, detail, cause } = answer;
    job.reject(new ServiceError(code, detail, { cause }));
    return;
  }
  job.resolve({ answer, ...rest });
}

export function lost(cause: unknown): ServiceError {
  return new ServiceError('WORKER_LOST', 'The decoding process was lost. Try again.', { cause });
}

function crashed(format: ImageFormat, cause: string): ServiceError {
  const detail = `The ${format.toUpperCase()} file is damaged: its decoder broke down.`;
  return new ServiceError('IMAGE_UNDECODABLE', detail, { cause });
}

function tooLong(format: ImageFormat | undefined): ServiceError {
  const detail = `The ${format?.toUpperCase() ?? 'image'} file takes too long to decode.`;
  return new ServiceError('IMAGE_UNDECODABLE', detail);
}
