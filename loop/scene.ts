import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { stringify } from 'yaml';
import { GitHubServer } from '../bridge/github-server.test-support.js';
import { Camera, type View } from './camera.js';
import { type Child, Children, freePort } from './children.js';
import type { Pace } from './pace.js';
import { PACKAGE_ROOT } from './package-root.js';
import { PictureMaker } from './pictures.js';
import type { Programs } from './programs.js';
import { Prometheus } from './prometheus.js';
import { Registry } from './registry.js';
import { type Release, Repository } from './repository.js';
import { alertmanagerConfig, driftRules } from './rules.js';
import { Storage } from './storage.js';
import type { Story } from './story.js';
import { answers, until } from './until.js';
import { Workflow } from './workflow.js';

const START_TIMEOUT_MS = 180_000;
const NAMESPACE = 'cv-inference';
const PACKAGE_MAIN = 'dist/service/main.js';

interface Service {
  readonly name: string;
  readonly url: string;
  readonly child: Child;
}

/** All that a play needs, started, with a shipped model as the registry's champion that serves. */
export class Scene {
  readonly folder = mkdtempSync(join(tmpdir(), 'cv-loop-'));
  readonly children = new Children(this.#logs());
  readonly story: Story;
  readonly pace: Pace;
  readonly pictures: PictureMaker;
  readonly #programs: Programs;
  readonly #services: Service[] = [];
  #parts: Parts | undefined;
  #camera: Camera | undefined;
  readonly #removeFolder = (): void => rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });

  constructor(programs: Programs, pace: Pace, story: Story) {
    this.#programs = programs;
    this.pace = pace;
    this.story = story;
    this.pictures = new PictureMaker(this.children, programs.python, this.folder);
    process.once('exit', this.#removeFolder);
  }

  async set(): Promise<void> {
    const { children, story, folder } = this;
    const storage = await Storage.start(children, this.#programs.s3, folder);
    story.mention('play', 'S3 server (versitygw) answers');
    const mlflow = await this.#startMlflow(storage);
    story.mention('play', 'MLflow answers');
    const repository = await Repository.create(children, folder);
    const github = await GitHubServer.start();
    const bridgeUrl = await this.#startBridge(github);
    const alertmanagerUrl = await this.#startAlertmanager(bridgeUrl);
    const prometheus = await this.#startPrometheus(alertmanagerUrl);
    story.mention('play', 'bridge, Alertmanager and Prometheus answer; GitHub is stood in for');
    const registry = new Registry(mlflow);
    const workflow = new Workflow(github, {
      children,
      story,
      python: this.#programs.python,
      folder,
      storage,
      repository,
      mlflowUrl: mlflow,
      size: this.pace.training,
    });
    this.#parts = { storage, repository, github, bridgeUrl, prometheus, registry, workflow };
    await this.#adopt(mlflow);
    await this.serve('stable', { MODEL_URI: 'models:/digits@champion', MODEL_SHA256: '' });
  }

  get parts(): Parts {
    if (this.#parts === undefined) throw new Error('the scene is not set yet');
    return this.#parts;
  }

  get camera(): Camera {
    if (this.#camera === undefined) throw new Error('no camera runs yet');
    return this.#camera;
  }

  get services(): readonly Service[] {
    return this.#services;
  }

  startCamera(view: View): void {
    const targets = this.#services.map(({ url }) => ({ url, share: 1 }));
    this.#camera = new Camera(this.pace.imagesPerSecond, view, targets);
    this.#camera.start();
  }

  /** Another process of the service, with the model of a release; ready, and scraped. */
  async serve(name: string, { MODEL_URI, MODEL_SHA256 }: Release): Promise<Service> {
    const { storage, registry } = this.parts;
    const child = this.children.start({
      name: `service-${name}`,
      program: process.execPath,
      args: ['--enable-source-maps', join(PACKAGE_ROOT, PACKAGE_MAIN)],
      environment: {
        ...storage.environment,
        HOST: '127.0.0.1',
        PORT: '0',
        LOG_FORMAT: 'json',
        WORKERS: '1',
        DECODE_CONCURRENCY: '1',
        DRAIN_DELAY_MS: '0',
        REQUEST_TIMEOUT_MS: '60000',
        MAX_EXPECTED_WAIT_MS: '60000',
        MODEL_URI,
        ...(MODEL_SHA256 !== '' && { MODEL_SHA256 }),
        MLFLOW_TRACKING_URI: registry.url,
        MODEL_CACHE_DIR: join(this.folder, 'models'),
        CAPTURE_TO: storage.captures,
        CAPTURE_SHARE: '1',
        ORT_DISABLE_TELEMETRY: '1',
      },
    });
    await this.#logged(child, 'ready');
    const service = { name, url: await this.#addressOf(child), child };
    this.#services.push(service);
    this.#scrape();
    this.story.tell('service', `${name}: serves ${MODEL_URI}`);
    return service;
  }

  /** Lets time pass, while all goes on. */
  async pass(seconds: number): Promise<void> {
    const end = Date.now() + seconds * 1000;
    while (Date.now() < end) {
      await pause(Math.min(1000, Math.max(1, end - Date.now())));
      this.expectRunning();
    }
  }

  expectRunning(): void {
    this.children.expectRunning(...this.#services.map(({ child }) => child));
  }

  async retire(service: Service): Promise<void> {
    this.#services.splice(this.#services.indexOf(service), 1);
    this.#scrape();
    await service.child.end();
  }

  async close(): Promise<void> {
    await this.#camera?.stop();
    const { workflow, github, storage } = this.#parts ?? {};
    await this.children.end();
    await workflow?.close();
    await github?.close();
    storage?.close();
    this.#removeFolder();
    process.off('exit', this.#removeFolder);
  }

  async #startMlflow(storage: Storage): Promise<string> {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const where = ['--host', '127.0.0.1', '--port', String(port), '--workers', '1'];
    const stores = [
      '--backend-store-uri',
      `sqlite:///${join(this.folder, 'mlflow.db')}`,
      '--artifacts-destination',
      storage.runs,
    ];
    const program = this.#programs.mlflow;
    const environment = {
      ...storage.environment,
      MLFLOW_DISABLE_TELEMETRY: 'true',
      // It looks for its own server's programs.
      PATH: `${dirname(program)}:${process.env['PATH']}`,
    };
    const child = this.children.start({
      name: 'mlflow',
      program,
      args: ['server', ...where, ...stores],
      environment,
    });
    await this.#answering(child, `${url}/health`);
    return url;
  }

  async #adopt(mlflowUrl: string): Promise<void> {
    await this.children.run({
      name: 'adopt',
      program: this.#programs.python,
      args: [join(PACKAGE_ROOT, 'training/loop.py'), 'adopt', '--work', join(this.folder, 'adopted')],
      environment: { ...this.parts.storage.environment, MLFLOW_TRACKING_URI: mlflowUrl },
    });
    this.story.tell('registry', 'the shipped model is version 1 of digits, and its champion');
  }

  async #startBridge(github: GitHubServer): Promise<string> {
    this.#write('secrets/alertmanager-retrain/token', randomBytes(24).toString('hex'));
    this.#write('secrets/github', randomBytes(24).toString('hex'));
    const child = this.children.start({
      name: 'bridge',
      program: process.execPath,
      args: [join(PACKAGE_ROOT, 'dist/bridge/main.js')],
      environment: {
        HOST: '127.0.0.1',
        PORT: '0',
        ALERTS_TOKEN_FILE: join(this.folder, 'secrets/alertmanager-retrain/token'),
        GITHUB_TOKEN_FILE: join(this.folder, 'secrets/github'),
        GITHUB_REPOSITORY: 'us/it',
        GITHUB_API_URL: github.url,
        STATE_FILE: join(this.folder, 'bridge.json'),
      },
    });
    return this.#addressOf(child);
  }

  async #startAlertmanager(bridgeUrl: string): Promise<string> {
    const config = alertmanagerConfig(bridgeUrl, join(this.folder, 'secrets'));
    const port = await freePort();
    const child = this.children.start({
      name: 'alertmanager',
      program: this.#programs.alertmanager,
      args: [
        `--config.file=${this.#write('alertmanager.yaml', config)}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--cluster.listen-address=',
        `--storage.path=${join(this.folder, 'alertmanager')}`,
      ],
    });
    await this.#answering(child, `http://127.0.0.1:${port}/-/ready`);
    return `127.0.0.1:${port}`;
  }

  async #startPrometheus(alertmanager: string): Promise<Prometheus> {
    this.#scrape();
    const config = {
      // A busy machine answers within two seconds; a scrape that fails would begin the wait of an alert anew.
      global: { scrape_interval: '2s', scrape_timeout: '2s', evaluation_interval: '1s' },
      rule_files: [this.#write('drift.yaml', driftRules(this.pace.secondsOfMinute))],
      alerting: { alertmanagers: [{ static_configs: [{ targets: [alertmanager] }] }] },
      scrape_configs: [
        {
          job_name: 'pods',
          file_sd_configs: [{ files: [join(this.folder, 'targets.json')], refresh_interval: '1s' }],
        },
      ],
    };
    const port = await freePort();
    const child = this.children.start({
      name: 'prometheus',
      program: this.#programs.prometheus,
      args: [
        `--config.file=${this.#write('prometheus.yaml', stringify(config))}`,
        `--storage.tsdb.path=${join(this.folder, 'prometheus')}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
    });
    await this.#answering(child, `http://127.0.0.1:${port}/-/ready`);
    return new Prometheus(`http://127.0.0.1:${port}`);
  }

  /** Has Prometheus find the services that run, as pods. */
  #scrape(): void {
    const targets = this.#services.map(({ name, url }) => ({
      targets: [new URL(url).host],
      labels: { namespace: NAMESPACE, pod: name, job: 'cv-inference' },
    }));
    renameSync(this.#write('targets.tmp', JSON.stringify(targets)), join(this.folder, 'targets.json'));
  }

  async #answering(child: Child, url: string): Promise<void> {
    await until(`an answer of ${child.name}`, START_TIMEOUT_MS, async () => {
      this.children.expectRunning(child);
      return answers(url);
    });
  }

  /** A line of its log, which is JSON. */
  #logged(child: Child, message: string): Promise<Readonly<Record<string, unknown>>> {
    return until(`"${message}" of ${child.name}`, START_TIMEOUT_MS, async () => {
      this.children.expectRunning(child);
      const lines = child.output.split('\n').filter((line) => line.startsWith('{') && line.endsWith('}'));
      return lines.map((line) => JSON.parse(line)).find(({ msg }) => msg === message);
    });
  }

  async #addressOf(child: Child): Promise<string> {
    return String((await this.#logged(child, 'listening'))['address']);
  }

  #write(name: string, text: string): string {
    const path = join(this.folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  }

  #logs(): string {
    const folder = join(this.folder, 'logs');
    mkdirSync(folder);
    return folder;
  }
}

/** What a play asks and tells. */
export interface Parts {
  readonly storage: Storage;
  readonly repository: Repository;
  readonly github: GitHubServer;
  readonly bridgeUrl: string;
  readonly prometheus: Prometheus;
  readonly registry: Registry;
  readonly workflow: Workflow;
}
