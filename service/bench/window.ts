import { setTimeout as sleep } from 'node:timers/promises';

/** A stretch of wall-clock time, in milliseconds since the epoch, that several processes measure at once. */
export interface Window {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Wall-clock time to the microsecond; the same in all processes of this machine, near enough. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

/** A window that opens once everything has had `leadSeconds` to start and to warm up. */
export function openWindow(leadSeconds: number, seconds: number): Window {
  const fromMs = now() + leadSeconds * 1000;
  return { fromMs, toMs: fromMs + seconds * 1000 };
}

export async function sleepUntil(timeMs: number): Promise<void> {
  await sleep(Math.max(0, timeMs - now()));
}

export function secondsOf(window: Window): number {
  return (window.toMs - window.fromMs) / 1000;
}

/** CPU seconds that this process spends within the window. */
export async function ownCpuSeconds(window: Window): Promise<number> {
  await sleepUntil(window.fromMs);
  const before = process.cpuUsage();
  await sleepUntil(window.toMs);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}
