/** How long what is ending may take to, milliseconds. */
const GRACE_MS = 1000;
const POLL_MS = 10;

/** The worker threads of this process, whoever started them. */
export interface Threads {
  readonly running: number;
}

/** Counts the threads that are started from now on. */
export function watchThreads(): Threads {
  let running = 0;
  process.on('worker', (worker) => {
    running += 1;
    worker.once('exit', () => {
      running -= 1;
    });
  });
  return {
    get running() {
      return running;
    },
  };
}

/** Whether all threads have ended, after waiting for those that are about to. */
export function haveEnded(threads: Threads): Promise<boolean> {
  return becomesTrue(() => threads.running === 0);
}

/** Whether nothing that Node knows of occupies a thread of libuv's pool: a lookup without an answer, a disk that hangs. */
export function isPoolIdle(): Promise<boolean> {
  return becomesTrue(
    () =>
      !process.getActiveResourcesInfo().some((resource) => /^(FSReq|GetAddrInfo|GetNameInfo)/.test(resource)),
  );
}

async function becomesTrue(isTrue: () => boolean): Promise<boolean> {
  const until = performance.now() + GRACE_MS;
  while (!isTrue() && performance.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return isTrue();
}

/**
 * Ends the process though native code runs on, for which an ordinary exit would wait, and then abort
 * (docs/decisions/0003-threads-are-never-terminated.md). The exit code is the one that is asked for where Node can
 * replace a process by another (22.15 and later); else 137, or 139 for process 1 of a container.
 */
export function exitByForce(code: number, environment: NodeJS.ProcessEnv): never {
  if (process.execve !== undefined) {
    // What runs threads of its own by NODE_OPTIONS has no place in a process that only ends.
    const { NODE_OPTIONS: _, ...rest } = environment;
    process.execve(process.execPath, [process.execPath, '-e', `process.exitCode = ${code}`], rest);
  }
  process.kill(process.pid, 'SIGKILL');
  // Still here: the kernel spares process 1 of a container what it sends to itself, but not this.
  process.abort();
}

declare global {
  namespace NodeJS {
    interface Process {
      /** Since Node 22.15; replaces this process, its threads included. */
      execve?: (file: string, args: readonly string[], environment: NodeJS.ProcessEnv) => never;
    }
  }
}
