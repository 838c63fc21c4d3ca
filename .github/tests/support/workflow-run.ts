import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { emptyFolder } from './folder.js';
import { type Environment, runBeside } from './run.js';
import type { Job, Step, Workflow } from './workflows.js';

type Context = Readonly<Record<string, unknown>>;
type Matrix = Readonly<Record<string, string>>;
type Outputs = Readonly<Record<string, string>>;

interface RunnableJob extends Job {
  readonly strategy?: { readonly matrix: { readonly include: readonly Matrix[] } };
}

/** Where steps run, and what stands in for actions: by the name before the @, given its inputs. */
export interface Runner {
  readonly cwd: string;
  readonly bin: string;
  readonly context: Context;
  readonly actions: Readonly<Record<string, (inputs: Outputs, matrix: Matrix) => void>>;
}

/** Runs a workflow's jobs as GitHub does, one after the other; a job that calls another workflow counts as passed. */
export class WorkflowRun {
  /** Of each job that has passed. */
  private readonly passed = new Map<string, Outputs>();
  private readonly artifacts = new Map<string, string>();
  private readonly workflow: Workflow;
  private readonly runner: Runner;
  output = '';

  constructor(workflow: Workflow, runner: Runner) {
    this.workflow = workflow;
    this.runner = runner;
  }

  /** @returns the jobs that failed, or could not begin. Called again, it runs only those. */
  async attempt(): Promise<string[]> {
    const missing: string[] = [];
    for (const [id, job] of Object.entries(this.workflow.jobs as Readonly<Record<string, RunnableJob>>)) {
      if (this.passed.has(id)) continue;
      const needs = [job.needs ?? []].flat();
      const outputs = needs.every((one) => this.passed.has(one)) ? await this.job(job, needs) : undefined;
      if (outputs === undefined) missing.push(id);
      else this.passed.set(id, outputs);
    }
    return missing;
  }

  private async job(job: RunnableJob, needs: readonly string[]): Promise<Outputs | undefined> {
    const all = needs.map((id) => [id, { outputs: this.passed.get(id) }]);
    const context = { ...this.runner.context, needs: Object.fromEntries(all) };
    if (job.if !== undefined && !evaluate(job.if, context)) return {};
    const outputs: Record<string, string> = {};
    for (const matrix of job.strategy?.matrix.include ?? [{}]) {
      const steps = await this.steps(job, { ...context, matrix }, matrix);
      if (steps === undefined) return undefined;
      for (const [name, text] of Object.entries(job.outputs ?? {})) {
        outputs[name] = textOf(text, { ...context, steps }) || (outputs[name] ?? '');
      }
    }
    return outputs;
  }

  private async steps(job: RunnableJob, context: Context, matrix: Matrix): Promise<Context | undefined> {
    const steps: Record<string, { outputs: Outputs }> = {};
    const isArm = textOf(job['runs-on'] ?? '', context).endsWith('-arm');
    const given = { ...context, steps, runner: { arch: isArm ? 'ARM64' : 'X64' } };
    const env = textsOf({ ...this.workflow.env, ...job.env }, given);
    for (const step of job.steps ?? []) {
      const now = { ...given, env };
      if (step.if !== undefined && !evaluate(step.if, now)) continue;
      const outputs = await this.step(step, now, env, matrix);
      if (outputs === undefined) return undefined;
      if (step.id !== undefined) steps[step.id] = { outputs };
    }
    return steps;
  }

  private async step(
    step: Step,
    context: Context,
    env: Outputs,
    matrix: Matrix,
  ): Promise<Outputs | undefined> {
    if (step.uses !== undefined) return this.action(step, context, matrix);
    const file = join(emptyFolder(), 'output');
    writeFileSync(file, '');
    const { GITHUB_REF_NAME = '' } = this.runner.context as Environment;
    const all = { ...env, ...textsOf(step.env ?? {}, context), GITHUB_OUTPUT: file, GITHUB_REF_NAME };
    // Bash takes Node's pipes for a remote login, and would read the files of one.
    const command = ['--norc', '-eo', 'pipefail', '-c', step.run ?? ''];
    const { cwd, bin } = this.runner;
    const { code, stdout, stderr } = await runBeside('bash', command, { cwd, bin, env: all });
    this.output += `> ${step.run}\n${stdout}${stderr}`;
    if (code !== 0) return undefined;
    const lines = readFileSync(file, 'utf8').split('\n');
    return Object.fromEntries(
      lines.filter((line) => line.includes('=')).map((line) => line.split(/=(.*)/s).slice(0, 2)),
    );
  }

  private action(
    { uses = '', with: given = {} }: Step,
    context: Context,
    matrix: Matrix,
  ): Outputs | undefined {
    const name = uses.split('@')[0] ?? '';
    const inputs = textsOf(given, context);
    const path = join(this.runner.cwd, inputs['path'] ?? '');
    if (name === 'actions/upload-artifact') {
      if (!existsSync(path)) return undefined;
      const kept = emptyFolder();
      cpSync(path, kept, { recursive: true });
      this.artifacts.set(inputs['name'] ?? '', kept);
    } else if (name === 'actions/download-artifact') {
      const pattern = (inputs['pattern'] ?? inputs['name'] ?? '').replaceAll('*', '.*');
      for (const [artifact, kept] of this.artifacts) {
        if (!new RegExp(`^${pattern}$`).test(artifact)) continue;
        for (const file of readdirSync(kept)) cpSync(join(kept, file), join(path, file), { recursive: true });
      }
    } else {
      this.runner.actions[name]?.(inputs, matrix);
    }
    return {};
  }
}

function textsOf(texts: Readonly<Record<string, unknown>>, context: Context): Record<string, string> {
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [name, textOf(String(text), context)]),
  );
}

function textOf(text: string, context: Context): string {
  return text.replaceAll(/\$\{\{(.*?)\}\}/g, (_, expression: string) =>
    String(evaluate(expression, context)),
  );
}

/** GitHub's expressions, as far as the workflows use them, are JavaScript's. What is not there is empty. */
export function evaluate(expression: string, context: Context): unknown {
  const known: Context = { github: {}, vars: {}, secrets: {}, env: {}, steps: {}, inputs: {}, ...context };
  const format = (template: string, ...values: readonly string[]): string =>
    template.replaceAll(/\{(\d+)\}/g, (_, index: string) => values[Number(index)] ?? '');
  const names = [...Object.keys(known), 'format'];
  const bare = expression.replaceAll(/^\s*\$\{\{|\}\}\s*$/g, '');
  // Outside of quotes; a step that was skipped has no outputs.
  const chained = bare.replaceAll(/('[^']*')|\.(?=\w)/g, (_, quoted?: string) => quoted ?? '?.');
  const value: unknown = new Function(...names, `return (${chained})`)(
    ...Object.values(known).map(lenient),
    format,
  );
  return value ?? '';
}

function lenient(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return new Proxy(value, {
    get: (target, name) => (name in target ? lenient(Reflect.get(target, name)) : ''),
  });
}
