import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Document, parseDocument } from 'yaml';
import { ROOT } from './run.js';

export interface Step {
  readonly id?: string;
  readonly if?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly shell?: string;
  readonly env?: Readonly<Record<string, unknown>>;
  readonly with?: Readonly<Record<string, unknown>>;
}

export interface Job {
  readonly 'runs-on'?: string;
  readonly environment?: string;
  readonly needs?: string | readonly string[];
  readonly if?: string;
  readonly uses?: string;
  readonly steps?: readonly Step[];
  readonly permissions?: unknown;
  readonly concurrency?: Concurrency;
  readonly outputs?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, unknown>>;
  readonly 'timeout-minutes'?: number;
  readonly defaults?: { readonly run?: { readonly shell?: string } };
}

export interface Concurrency {
  readonly group?: string;
  readonly 'cancel-in-progress'?: unknown;
}

/** A workflow, or an action, whose steps then are those of its one job. */
export interface Workflow {
  readonly file: string;
  readonly text: string;
  readonly document: Document;
  readonly isAction: boolean;
  readonly on: Readonly<Record<string, unknown>>;
  readonly permissions: unknown;
  readonly concurrency: Concurrency | undefined;
  readonly shell: string | undefined;
  readonly env: Readonly<Record<string, unknown>>;
  readonly jobs: Readonly<Record<string, Job>>;
}

export function workflowOf(file: string, text: string): Workflow {
  const document = parseDocument(text);
  const data = document.toJS();
  const isAction = data.runs !== undefined;
  const on = typeof data.on === 'string' ? { [data.on]: null } : (data.on ?? {});
  return {
    file,
    text,
    document,
    isAction,
    on: Array.isArray(on) ? Object.fromEntries(on.map((event) => [event, null])) : on,
    permissions: data.permissions,
    concurrency: data.concurrency,
    shell: data.defaults?.run?.shell,
    env: data.env ?? {},
    jobs: isAction ? { action: { steps: data.runs.steps } } : data.jobs,
  };
}

const read = (file: string): Workflow => workflowOf(file, readFileSync(join(ROOT, file), 'utf8'));

export const WORKFLOWS: readonly Workflow[] = readdirSync(join(ROOT, '.github/workflows'))
  .filter((name) => /\.ya?ml$/.test(name))
  .map((name) => read(`.github/workflows/${name}`));

export const ACTIONS: readonly Workflow[] = readdirSync(join(ROOT, '.github/actions')).map((name) =>
  read(`.github/actions/${name}/action.yml`),
);

export function workflowNamed(name: string): Workflow {
  const found = WORKFLOWS.find(({ file }) => file === `.github/workflows/${name}.yml`);
  if (found === undefined) throw new Error(`no workflow ${name}`);
  return found;
}
