import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { GitHubServer } from '../bridge/github-server.test-support.js';
import type { Children } from './children.js';
import { PACKAGE_ROOT } from './package-root.js';
import type { Repository } from './repository.js';
import type { Storage } from './storage.js';
import type { Story } from './story.js';

const POLL_MS = 100;
const COMMAND = 'dist/service/cli/main.js';
/** Lines of loop.py that a person wants to see. */
const WORTH_SAYING =
  /^(== |REFUSED|refused:|\| (better|nothing lost|latency|size|golden) |.* (is the challenger|trained in |for the reference))/;
const SAID_LENGTH = 220;
const CHALLENGER_STAGES = ['ingest', 'validate', 'train', 'evaluate', 'record', 'reference'];

export interface Training {
  readonly cause: string;
  readonly passed: boolean;
  /** Why a stage refused; empty where none did. */
  readonly reason: string;
  /** What the stages made. */
  readonly work: string;
}

export interface WorkflowOptions {
  readonly children: Children;
  readonly story: Story;
  readonly python: string;
  readonly folder: string;
  readonly storage: Storage;
  readonly repository: Repository;
  readonly mlflowUrl: string;
  /** Arguments of loop.py that make it quicker. */
  readonly size: readonly string[];
}

/** What .github/workflows/retrain.yml does, once for each dispatch: data, training, gate, reference, registry, promotion. */
export class Workflow {
  readonly trainings: Training[] = [];
  readonly #options: WorkflowOptions;
  readonly #timer: NodeJS.Timeout;
  #seen = 0;
  #current: Promise<unknown> = Promise.resolve();
  #failure: unknown;

  constructor(github: GitHubServer, options: WorkflowOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#look(github), POLL_MS);
  }

  /** How the trainings ended that a dispatch started. Throws where one could not run. */
  async over(): Promise<Training[] | undefined> {
    if (this.#failure !== undefined) throw this.#failure;
    return this.trainings.length > 0 && this.trainings.length === this.#seen ? this.trainings : undefined;
  }

  /** A training without a dispatch, as by night or by hand. */
  async train(cause: string): Promise<Training> {
    const { story, folder } = this.#options;
    const work = join(folder, `training-${cause}`);
    mkdirSync(work);
    story.tell('training', `retraining, started by ${cause}`);
    const reason =
      (await this.#stages(`loop-${cause}`, CHALLENGER_STAGES, work)) || (await this.#register(cause, work));
    const passed = reason === '';
    story.tell(
      'training',
      passed ? 'the challenger has passed the gate and is registered' : `refused: ${reason}`,
    );
    return { cause, passed, reason, work };
  }

  /** @returns why one refused; empty where none did */
  async #stages(name: string, stages: readonly string[], work: string): Promise<string> {
    const { children, story, python, storage, mlflowUrl, size } = this.#options;
    const subject = [
      '--source',
      storage.captures,
      '--champion',
      'models:/digits@champion',
      '--model',
      'digits',
    ];
    const child = children.start({
      name,
      program: python,
      args: [join(PACKAGE_ROOT, 'training/loop.py'), ...stages, ...subject, '--work', work, ...size],
      environment: {
        ...storage.environment,
        MLFLOW_TRACKING_URI: mlflowUrl,
        PYTHONUNBUFFERED: '1',
        OMP_NUM_THREADS: '1',
      },
    });
    let said = 0;
    const follow = (): void => {
      const lines = child.output.split('\n').slice(0, -1);
      for (const line of lines.slice(said).filter((each) => WORTH_SAYING.test(each))) {
        story.mention('training', line.slice(0, SAID_LENGTH));
      }
      said = lines.length;
    };
    const following = setInterval(follow, POLL_MS);
    const code = await child.exit;
    clearInterval(following);
    follow();
    const reason = /^refused: (.*)$/m.exec(child.output)?.[1] ?? '';
    if (code !== 0 && reason === '') throw new Error(`loop.py ended with ${code}:\n${child.tail}`);
    return reason;
  }

  /** With its reference. @returns why that is refused; empty where it is not */
  async #register(cause: string, work: string): Promise<string> {
    await this.#options.children.run({
      name: `reference-${cause}`,
      program: process.execPath,
      args: [
        join(PACKAGE_ROOT, COMMAND),
        'reference',
        join(work, 'challenger'),
        join(work, 'reference'),
        '--write',
      ],
    });
    return this.#stages(`register-${cause}`, ['register'], work);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#current;
  }

  #look(github: GitHubServer): void {
    for (const { event_type: event, client_payload: payload } of github.dispatches.slice(this.#seen)) {
      this.#seen += 1;
      this.#options.story.tell('bridge', `dispatch ${event} of ${payload.model} to GitHub (the stand-in)`);
      this.#current = this.#run(github, `dispatch-${this.#seen}`).catch((error: unknown) => {
        this.#failure = error;
      });
    }
  }

  async #run(github: GitHubServer, cause: string): Promise<void> {
    const training = await this.train(cause);
    if (training.passed) await this.#promote(training);
    github.endRuns(training.passed ? 'success' : 'failure', Date.now());
    this.trainings.push(training);
  }

  async #promote({ work }: Training): Promise<void> {
    const { storage, repository, story } = this.#options;
    const challenger = join(work, 'challenger');
    const { sha256 } = JSON.parse(readFileSync(join(challenger, 'model.json'), 'utf8'));
    const uri = await storage.putModel(challenger);
    await repository.stage({ MODEL_URI: uri, MODEL_SHA256: sha256 });
    story.tell('git', `commit: staging gets ${uri}`);
    await repository.promote();
    story.tell('git', 'commit: production gets what staging runs');
  }
}
