import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './run.js';
import type { Job, Step, Workflow } from './workflows.js';

/** What is wrong with a workflow, a line each. */
export type Policy = (workflow: Workflow) => string[];

const LONGEST_MINUTES = 90;

const jobsOf = ({ jobs }: Workflow): [string, Job][] => Object.entries(jobs);
const stepsOf = (workflow: Workflow): { id: string; job: Job; step: Step }[] =>
  jobsOf(workflow).flatMap(([id, job]) => (job.steps ?? []).map((step) => ({ id, job, step })));
const runsOf = (workflow: Workflow): { id: string; run: string; step: Step; job: Job }[] =>
  stepsOf(workflow).flatMap(({ id, job, step }) =>
    step.run === undefined ? [] : [{ id, run: step.run, step, job }],
  );

/** What is worth more than a line is worth a script with a test. */
export function onlyCallsScripts(workflow: Workflow): string[] {
  return runsOf(workflow)
    .filter(({ run }) => /[\n;|&`]|\$\(|^(if|for|while|case)\b/.test(run.trim()))
    .map(({ id, run }) => `${id}: ${run}`);
}

/** `shell: bash` is `bash -eo pipefail`; without it a failure before a pipe is not seen. */
export function failsInPipes(workflow: Workflow): string[] {
  return runsOf(workflow)
    .filter(({ step, job }) => (step.shell ?? job.defaults?.run?.shell ?? workflow.shell) !== 'bash')
    .map(({ id, run }) => `${id}: ${run}: shell is not bash`);
}

export function endsInTime(workflow: Workflow): string[] {
  if (workflow.isAction) return [];
  return jobsOf(workflow)
    .filter(([, { uses }]) => uses === undefined)
    .filter(([, job]) => !((job['timeout-minutes'] ?? Number.POSITIVE_INFINITY) <= LONGEST_MINUTES))
    .map(([id]) => `${id}: no timeout-minutes, or over ${LONGEST_MINUTES}`);
}

const CLOUD_KEYS =
  /aws[-_]secret[-_]access[-_]key|aws[-_]access[-_]key[-_]id|secrets\.(aws|azure|gcp|google)|credentials_json|AZURE_CREDENTIALS|GOOGLE_APPLICATION_CREDENTIALS|\bAKIA[0-9A-Z]{16}\b/i;

export function holdsNoCloudKeys({ text }: Workflow): string[] {
  return text.split('\n').filter((line) => CLOUD_KEYS.test(line));
}

/** What is begun on main or for a tag is finished; only pull requests, and what a person starts, give way to what is newer. */
export function cancelsPullRequestsOnly(workflow: Workflow): string[] {
  if (workflow.isAction) return [];
  const mayCancel = Object.keys(workflow.on).every((event) =>
    ['pull_request', 'workflow_dispatch'].includes(event),
  );
  const isRight = (cancel: unknown): boolean =>
    cancel === false ||
    cancel === `\${{ github.event_name == 'pull_request' }}` ||
    (cancel === true && mayCancel);
  const given = [workflow.concurrency, ...jobsOf(workflow).map(([, job]) => job.concurrency)].filter(
    (concurrency) => concurrency !== undefined,
  );
  if (given.length === 0) return ['no concurrency'];
  return given
    .filter((concurrency) => !isRight(concurrency['cancel-in-progress']))
    .map((concurrency) => `${concurrency.group}: cancels more than outdated runs of pull requests`);
}

const PATH = /(?:^|[\s"'(=])(?:\.\/)?((?:\.github|\.ci|k8s|loadtest|training|dist|argocd)\/[\w./-]*\w)/g;

/** Every file that a command names, and every npm script; what is run must be executable. */
export function faultsOfCommand(command: string): string[] {
  const paths = [...command.matchAll(PATH)].map(([, path = '']) => path);
  const scripts = [...command.matchAll(/\bnpm (?:run )?(?:--silent )?(test|start|(?<=run )[\w:-]+)/g)];
  const known = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).scripts;
  return [
    ...paths.filter((path) => !isThere(path)).map((path) => `${path} is not there`),
    ...paths
      .filter((path) => /^\.(github\/scripts|ci)\/[\w-]+$/.test(path) && isThere(path) && !isExecutable(path))
      .map((path) => `${path} is not executable`),
    ...scripts
      .filter(([, name = '']) => !(name in known))
      .map(([, name]) => `package.json has no script ${name}`),
  ];
}

/** What the build writes is there when its source is; what a run writes need not be. */
function isThere(path: string): boolean {
  if (path.startsWith('loadtest/results')) return true;
  if (!path.startsWith('dist/')) return existsSync(join(ROOT, path));
  return existsSync(join(ROOT, path.replace(/^dist\//, '').replace(/\.js$/, '.ts')));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(join(ROOT, path), constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export function callsWhatExists(workflow: Workflow): string[] {
  return [
    ...runsOf(workflow).flatMap(({ id, run }) => faultsOfCommand(run).map((fault) => `${id}: ${fault}`)),
    ...stepsOf(workflow)
      .flatMap(({ step }) => step.uses ?? [])
      .concat(jobsOf(workflow).flatMap(([, { uses }]) => uses ?? []))
      .filter((uses) => uses.startsWith('./') && !existsSync(join(ROOT, uses)))
      .map((uses) => `${uses} is not there`),
  ];
}

/** dist/ is there after the action `setup` alone. */
export function buildsBeforeItRuns(workflow: Workflow): string[] {
  if (workflow.isAction) return [];
  return jobsOf(workflow).flatMap(([id, { steps = [] }]) => {
    const setup = steps.findIndex(({ uses }) => uses === './.github/actions/setup');
    return steps
      .filter(({ run = '' }, at) => (setup < 0 || at < setup) && needsBuild(run))
      .map(({ run }) => `${id}: ${run}: nothing is built yet`);
  });
}

function needsBuild(run: string): boolean {
  if (run.includes('dist/')) return true;
  return scriptsIn(run).some((path) => needsBuild(commandsOf(readFileSync(path, 'utf8'))));
}

/** What a script demands of its environment (`${NAME:?}`) is given to it. What it makes itself does not count. */
export function givesWhatScriptsDemand(workflow: Workflow): string[] {
  return runsOf(workflow).flatMap(({ id, run, step, job }) => {
    const given = { ...workflow.env, ...job.env, ...step.env };
    return scriptsIn(run)
      .flatMap((path) => demandsOf(readFileSync(path, 'utf8')))
      .filter((name) => !(name in given) && !name.startsWith('GITHUB_'))
      .map((name) => `${id}: ${run}: is not given ${name}`);
  });
}

/** The names in its lines `: "${NAME:?}"`. */
function demandsOf(script: string): string[] {
  const lines = (script.match(/^: .*$/gm) ?? []).join(' ');
  return [...lines.matchAll(/\$\{([A-Z_]+):\?\}/g)].map(([, name = '']) => name);
}

function scriptsIn(run: string): string[] {
  const paths = [...run.matchAll(/\.github\/scripts\/[\w-]+(?![\w.-])/g)].map(([path]) => join(ROOT, path));
  return paths.filter((path) => existsSync(path));
}

/** A script without its comments. */
export function commandsOf(script: string): string {
  return script.replace(/^\s*#.*$/gm, '');
}
