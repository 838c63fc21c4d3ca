import { answerParent } from '../../../bench/child.js';
import { ATTACKS } from '../attacks/all-attacks.js';
import type { AttackReport } from '../attacks/attack.js';
import type { AttackJob } from './attack-job.js';

answerParent(async ({ name, url, seconds }: AttackJob): Promise<AttackReport> => {
  const attack = ATTACKS.find((each) => each.name === name);
  if (attack === undefined) throw new Error(`there is no attack ${name}`);
  const { outcomes } = await attack.run({ url }, AbortSignal.timeout(Math.round(seconds * 1000)));
  return { outcomes };
});
