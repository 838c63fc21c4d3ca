import { getJson, until, type Waiting } from './kubectl.js';

interface Application {
  readonly status?: {
    readonly sync?: { readonly status: string; readonly revision: string };
    readonly health?: { readonly status: string; readonly message?: string };
    readonly operationState?: {
      readonly phase: string;
      readonly message?: string;
      readonly retryCount?: number;
    };
    readonly conditions?: readonly { readonly type: string; readonly message: string }[];
  };
}

export interface State {
  readonly sync: string;
  readonly revision: string;
  readonly health: string;
  /** All of it in one line. */
  readonly text: string;
}

export async function stateOf(name: string): Promise<State> {
  const application = await getJson<Application>('--namespace=argocd', 'application', name).catch(
    () => undefined,
  );
  const { sync, health, operationState, conditions = [] } = application?.status ?? {};
  const words = [
    sync?.status,
    health?.status,
    operationState?.phase,
    operationState?.retryCount && `retry ${operationState.retryCount}`,
    operationState?.message,
    ...conditions.map(({ type, message }) => `${type}: ${message}`),
  ];
  return {
    sync: sync?.status ?? 'absent',
    revision: sync?.revision ?? '',
    health: health?.status ?? 'absent',
    text: `${name}: ${words.filter(Boolean).join(', ')}`,
  };
}

/** Until the application is in sync, with a commit if one is named. @returns seconds */
export function untilSynced(name: string, waiting: Waiting, revision?: string): Promise<number> {
  return until(
    waiting,
    async () => {
      const state = await stateOf(name);
      return state.sync === 'Synced' && (revision === undefined || state.revision === revision);
    },
    async () => (await stateOf(name)).text,
  );
}

/** Until it is in sync and all that it has is well. @returns seconds */
export function untilHealthy(name: string, waiting: Waiting): Promise<number> {
  return until(
    waiting,
    async () => {
      const state = await stateOf(name);
      return state.sync === 'Synced' && state.health === 'Healthy';
    },
    async () => (await stateOf(name)).text,
  );
}
