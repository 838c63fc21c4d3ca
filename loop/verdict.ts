/** A promise of a play, and whether it was kept. */
export interface Check {
  readonly promise: string;
  readonly isKept: boolean;
  /** What was seen. */
  readonly detail: string;
}

/** What a play leaves behind, seen from outside. */
export interface Observed {
  /** Models that GitHub was asked to train, in order. */
  readonly dispatches: readonly string[];
  /** Names of the alerts that have fired. */
  readonly alerts: readonly string[];
  /** Alias -> version. */
  readonly aliases: Readonly<Record<string, string>>;
  /** Versions in the registry. */
  readonly versions: readonly string[];
  /** Subjects of the commits to the GitOps repository. */
  readonly commits: readonly string[];
  /** What the gate said of each training that came so far. */
  readonly verdicts: readonly string[];
  /** Requests of the camera without an answer. */
  readonly failures: readonly string[];
}

/** What it must leave behind, and nothing else. */
export interface Expected {
  readonly dispatches: readonly string[];
  readonly alerts: {
    readonly all: readonly string[];
    /** May fire beside them. */
    readonly also?: readonly string[];
  };
  readonly champion: string;
  readonly versions: readonly string[];
  /** How the commits begin. */
  readonly commits: readonly string[];
  readonly verdicts: readonly string[];
}

/** Holds what was seen to what must be seen. */
export function compare(expected: Expected, observed: Observed): Check[] {
  const { all, also = [] } = expected.alerts;
  const missing = all.filter((name) => !observed.alerts.includes(name));
  const surplus = observed.alerts.filter((name) => !all.includes(name) && !also.includes(name));
  return [
    same('dispatches', expected.dispatches, observed.dispatches),
    {
      promise: `alerts: ${list(all)} and no other`,
      isKept: missing.length === 0 && surplus.length === 0,
      detail: list(observed.alerts),
    },
    same('champion', [expected.champion], [observed.aliases['champion'] ?? 'none']),
    same(
      'challenger',
      [],
      observed.aliases['challenger'] === undefined ? [] : [observed.aliases['challenger']],
    ),
    same('versions in the registry', expected.versions, observed.versions),
    same('verdicts of the gate', expected.verdicts, observed.verdicts),
    {
      promise: `promotion commits: ${expected.commits.length}`,
      isKept:
        observed.commits.length === expected.commits.length &&
        observed.commits.every((subject, index) => subject.startsWith(expected.commits[index] ?? '')),
      detail: list(observed.commits),
    },
    same('requests without an answer', [], observed.failures),
  ];
}

function same(what: string, expected: readonly string[], observed: readonly string[]): Check {
  return {
    promise: `${what}: ${list(expected)}`,
    isKept: list([...expected].sort()) === list([...observed].sort()),
    detail: list(observed.slice(0, 5)),
  };
}

function list(items: readonly string[]): string {
  return items.length === 0 ? 'none' : items.join(', ');
}

/** A check of a number against a least value. */
export function atLeast(promise: string, value: number, least: number): Check {
  return {
    promise: `${promise}: at least ${percent(least)}`,
    isKept: value >= least,
    detail: percent(value),
  };
}

/** A check of a number against a largest value. */
export function atMost(promise: string, value: number, most: number): Check {
  return { promise: `${promise}: at most ${percent(most)}`, isKept: value <= most, detail: percent(value) };
}

export function percent(share: number): string {
  return Number.isFinite(share) ? `${(100 * share).toFixed(1)} %` : 'unknown';
}

/** A check that a training was refused, for a reason that says `why`. */
export function refusedFor(reason: string, ...why: readonly string[]): Check {
  return {
    promise: `the training is refused, by ${why.join(' or ')}`,
    isKept: why.some((each) => reason.includes(each)),
    detail: reason === '' ? 'not refused' : reason,
  };
}
