import type {
  AlertItem,
  Analysis,
  ApplicationItem,
  AutoscalerItem,
  DriftItem,
  Entry,
  Item,
  ModelItem,
  PodItem,
  RetrainingItem,
  RolloutItem,
  SourceState,
} from './items.js';
import { text } from './projection/text.js';

type Tone = Entry['tone'];
type Line = readonly [tone: Tone, text: string];
/** What happened to an item: it came where there is no previous one, and went where there is no next. */
type Tell<Kind> = (previous: Kind | undefined, next: Kind | undefined) => readonly Line[];

const WAITING = new Set(['Pending', 'Running', 'ContainerCreating', 'Succeeded', 'Completed', 'Terminating']);

const TELL: { readonly [Kind in Item['kind']]: Tell<Extract<Item, { kind: Kind }>> } = {
  application: tellOfApplication,
  rollout: tellOfRollout,
  pod: tellOfPod,
  autoscaler: tellOfAutoscaler,
  alert: tellOfAlert,
  model: tellOfModel,
  drift: tellOfDrift,
  retraining: tellOfRetraining,
};

/**
 * What a change of an item means, in words.
 * @param at ISO 8601
 */
export function entriesOf(previous: Item | undefined, next: Item | undefined, at: string): Entry[] {
  const item = next ?? previous;
  if (item === undefined) return [];
  const { id: about, kind, namespace } = item;
  const lines = (TELL[kind] as Tell<Item>)(previous, next);
  return lines.map(([tone, words]) => ({ at, about, kind, namespace, tone, text: text(words) }));
}

/** Where a source is lost or comes back. What breaks and goes on at once is neither. */
export function entriesOfSource(previous: SourceState | undefined, next: SourceState): Entry[] {
  const entry = (tone: Tone, words: string): Entry[] => [
    { at: next.since, about: next.name, kind: 'source', namespace: '', tone, text: text(words) },
  ];
  const hasFailed = previous?.state === 'failed';
  if (next.state === 'failed' && !hasFailed) return entry('bad', `${next.name} not seen: ${next.reason}`);
  if (next.state === 'connected' && hasFailed) return entry('good', `${next.name} seen again`);
  if (next.state === 'absent' && previous?.state === 'connected')
    return entry('neutral', `${next.name}: no such kind any more`);
  return [];
}

function tellOfApplication(
  previous: ApplicationItem | undefined,
  next: ApplicationItem | undefined,
): readonly Line[] {
  if (next === undefined) return [['neutral', `application ${previous?.name} is gone`]];
  if (previous === undefined) return [['neutral', `application ${next.name} was added`]];
  return [...syncLines(previous, next), ...healthLines(previous, next), ...operationLines(previous, next)];
}

function syncLines(previous: ApplicationItem, next: ApplicationItem): Line[] {
  const isOther = next.revision !== previous.revision || next.sync !== previous.sync;
  if (isOther && next.sync === 'Synced') return [['good', `${next.name} is synced to ${commitOf(next)}`]];
  if (isOther && next.sync === 'OutOfSync')
    return [['neutral', `${next.name} is out of sync with ${commitOf(next)}`]];
  if (isOther) return [['neutral', `${next.name} cannot be compared`]];
  if (next.commit !== undefined && previous.commit === undefined)
    return [['neutral', `${next.name}: commit ${commitOf(next)}`]];
  return [];
}

function commitOf({ revision, commit }: ApplicationItem): string {
  const short = revision.slice(0, 9);
  return commit === undefined ? short : `${short} “${commit.subject}” by ${commit.author}`;
}

function healthLines(previous: ApplicationItem, next: ApplicationItem): Line[] {
  if (next.health === previous.health) return [];
  const isBad = next.health === 'Degraded' || next.health === 'Missing';
  const tone = isBad ? 'bad' : next.health === 'Healthy' ? 'good' : 'neutral';
  return [[tone, `${next.name} is ${next.health}, it was ${previous.health}`]];
}

function operationLines(previous: ApplicationItem, next: ApplicationItem): Line[] {
  const phase = next.operation?.phase;
  if (phase === previous.operation?.phase || (phase !== 'Failed' && phase !== 'Error')) return [];
  return [['bad', `${next.name}: the sync failed: ${next.operation?.message}`]];
}

function tellOfRollout(previous: RolloutItem | undefined, next: RolloutItem | undefined): readonly Line[] {
  if (next === undefined) return [['neutral', `rollout ${previous?.name} is gone`]];
  if (previous === undefined) return [['neutral', `rollout ${next.name} was added`]];
  return [
    ...versionLines(previous, next),
    ...stepLines(previous, next),
    ...weightLines(previous, next),
    ...phaseLines(previous, next),
    ...next.analyses.flatMap((analysis) => analysisLines(previous, next, analysis)),
  ];
}

function versionLines(previous: RolloutItem, next: RolloutItem): Line[] {
  const lines: Line[] = [];
  if (next.current !== previous.current && next.current !== next.stable)
    lines.push(['neutral', `${next.name}: version ${next.current} comes`]);
  if (next.stable !== previous.stable)
    lines.push(['good', `${next.name}: version ${next.stable} is the stable one`]);
  else if (next.current !== previous.current && next.current === next.stable)
    lines.push(['good', `${next.name}: back to version ${next.stable}`]);
  return lines;
}

function stepLines(previous: RolloutItem, next: RolloutItem): Line[] {
  if (next.stepsDone <= previous.stepsDone || next.current !== previous.current || next.aborted) return [];
  const done = next.steps[next.stepsDone - 1] ?? '';
  return [['neutral', `${next.name}: step ${next.stepsDone} of ${next.steps.length} is done: ${done}`]];
}

function weightLines(previous: RolloutItem, next: RolloutItem): Line[] {
  if (next.weight === previous.weight || next.current === next.stable) return [];
  return [['neutral', `${next.name}: ${next.weight} % of the traffic to version ${next.current}`]];
}

function phaseLines(previous: RolloutItem, next: RolloutItem): Line[] {
  const because = next.message === '' ? '' : `: ${next.message}`;
  if (next.aborted && !previous.aborted) return [['bad', `${next.name} is aborted${because}`]];
  if (next.phase === previous.phase) return [];
  if (next.phase === 'Degraded' && !next.aborted) return [['bad', `${next.name} is degraded${because}`]];
  if (next.phase === 'Paused') return [['neutral', `${next.name} pauses${because}`]];
  if (next.phase === 'Healthy') return [['good', `${next.name} is healthy`]];
  return [];
}

function analysisLines(previous: RolloutItem, next: RolloutItem, analysis: Analysis): Line[] {
  const before = previous.analyses.find(({ name }) => name === analysis.name);
  if (before?.phase === analysis.phase || analysis.phase === 'Pending') return [];
  const words = `${next.name}: analysis ${analysis.name}`;
  if (analysis.phase === 'Running') return [['neutral', `${words} runs`]];
  if (analysis.phase === 'Successful') return [['good', `${words} succeeded`]];
  const because = analysis.message === '' ? '' : `: ${analysis.message}`;
  const end = { Failed: 'failed', Error: 'could not measure', Inconclusive: 'is inconclusive' }[
    analysis.phase
  ];
  return [['bad', `${words} ${end}${because}`]];
}

function tellOfPod(previous: PodItem | undefined, next: PodItem | undefined): readonly Line[] {
  if (next === undefined) return [['neutral', `pod ${previous?.name} is gone`]];
  const created: Line[] = previous === undefined ? [['neutral', `pod ${next.name} was created`]] : [];
  return [
    ...created,
    ...restartLines(previous, next),
    ...podPhaseLines(previous, next),
    ...readyLines(previous, next),
  ];
}

function restartLines(previous: PodItem | undefined, next: PodItem): Line[] {
  if (next.restarts <= (previous?.restarts ?? 0)) return [];
  return [['bad', `pod ${next.name} has restarted, ${times(next.restarts)} by now`]];
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}

function podPhaseLines(previous: PodItem | undefined, next: PodItem): Line[] {
  if (next.phase === previous?.phase) return [];
  if (next.phase === 'Terminating') return [['neutral', `pod ${next.name} ends`]];
  return WAITING.has(next.phase) ? [] : [['bad', `pod ${next.name}: ${next.phase}`]];
}

function readyLines(previous: PodItem | undefined, next: PodItem): Line[] {
  if (next.ready === (previous?.ready ?? false)) return [];
  if (next.ready) return [['good', `pod ${next.name} is ready`]];
  const isEnd = next.phase === 'Terminating' || next.phase === 'Succeeded';
  return isEnd ? [] : [['bad', `pod ${next.name} is not ready any more`]];
}

function tellOfAutoscaler(
  previous: AutoscalerItem | undefined,
  next: AutoscalerItem | undefined,
): readonly Line[] {
  if (next === undefined) return [['neutral', `autoscaler ${previous?.name} is gone`]];
  if (previous === undefined) return [['neutral', `autoscaler ${next.name} was added`]];
  const lines: Line[] = [];
  if (next.min !== previous.min || next.max !== previous.max)
    lines.push(['neutral', `autoscaler ${next.name}: from ${next.min} to ${next.max} pods are allowed`]);
  if (next.wanted !== previous.wanted && next.wanted !== next.current)
    lines.push([
      'neutral',
      `autoscaler ${next.name}: ${next.current} → ${next.wanted} pods (${next.metrics.join(', ') || 'no metric'})`,
    ]);
  return lines;
}

function tellOfAlert(previous: AlertItem | undefined, next: AlertItem | undefined): readonly Line[] {
  if (next === undefined) return [['good', `alert ${previous?.name} has ended`]];
  const words = `alert ${next.name} (${next.severity}): ${next.summary}`;
  if (previous === undefined) return [[next.silenced ? 'neutral' : 'bad', words]];
  if (next.silenced === previous.silenced) return [];
  return [['neutral', `alert ${next.name} is ${next.silenced ? 'silenced' : 'not silenced any more'}`]];
}

function tellOfModel(previous: ModelItem | undefined, next: ModelItem | undefined): readonly Line[] {
  if (next === undefined) return [['neutral', `no pod serves ${modelOf(previous)} any more`]];
  return previous === undefined ? [['good', `pods serve ${modelOf(next)}`]] : [];
}

function modelOf(model: ModelItem | undefined): string {
  return `${model?.name} ${model?.version} (${model?.digest.slice(0, 19)}, ${model?.provider})`;
}

/** Without images nothing is known: drift has neither begun nor ended. */
function tellOfDrift(previous: DriftItem | undefined, next: DriftItem | undefined): readonly Line[] {
  if (next?.psi === undefined || next.psi.isDrift === (previous?.psi?.isDrift ?? false)) return [];
  const { name, psi } = next;
  if (!psi.isDrift) return [['good', `${name}: the images no longer drift`]];
  return [['bad', `${name}: the images drift: ${psi.statistic} has a PSI of ${psi.value.toFixed(2)}`]];
}

function tellOfRetraining(
  previous: RetrainingItem | undefined,
  next: RetrainingItem | undefined,
): readonly Line[] {
  if (previous === undefined || next === undefined) return [];
  return Object.entries(next.decisions).flatMap(([outcome, count]) => {
    const before = previous.decisions[outcome] ?? 0;
    // A bridge that was started anew counts from nothing.
    const made = count < before ? count : count - before;
    return made === 0 ? [] : [decisionLine(outcome, made)];
  });
}

function decisionLine(outcome: string, made: number): Line {
  const again = made === 1 ? '' : `, ${times(made)}`;
  if (outcome === 'dispatched') return ['neutral', `a training was asked for${again}`];
  if (outcome === 'unknown')
    return ['neutral', `a training was asked for${again}; GitHub has not answered yet`];
  const tone = outcome === 'failed' || outcome === 'circuit_open' ? 'bad' : 'neutral';
  return [tone, `a training was wanted${again}, and not asked for: ${outcome.replaceAll('_', ' ')}`];
}
