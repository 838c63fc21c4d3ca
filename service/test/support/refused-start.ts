import { expect, type TestContext } from 'vitest';
import type { StartupErrorCode } from '../../errors.js';
import { type Environment, launchService } from './service-process.js';

/** Starts the service and asserts that it ends with one fatal line, this code and nothing beside the log. */
export async function expectRefusal(
  { onTestFinished }: TestContext,
  environment: Environment,
  code: StartupErrorCode,
): Promise<string> {
  const service = launchService(environment, onTestFinished);
  expect(await service.exit).toEqual({ code: 1, signal: null });
  expect(service.stderr).toBe('');
  expect(service.logs).toHaveLength(service.lines.length);
  const fatal = service.logs.filter((line) => line.level === 'fatal' || line.level === 'error');
  expect(fatal).toEqual([{ level: 'fatal', time: expect.any(String), code, msg: expect.any(String) }]);
  expect(service.logs.some((line) => line.msg === 'ready')).toBe(false);
  return fatal[0]?.msg ?? '';
}
