/**
 * plan-report.ts FOLDER: makes Markdown of the plans that plan-infrastructure has left there, which may say anything; on
 * GitHub the summary of the job too. Needs Node alone.
 */
import { appendFileSync, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { fenced, plain, readRegular } from './fence.ts';

/** GitHub takes 65,536 of a comment or an issue, and there are three at most. */
const MAX_CHARACTERS = 20_000;
const MAX_PLANS = 3;

export interface Plan {
  readonly name: string;
  readonly text: string;
}

/** What a plan comes to, in its own words as far as those are known. */
function verdictOf(text: string): string {
  const counts = /^Plan: (\d+ to import, )?\d+ to add, \d+ to change, \d+ to destroy\.$/m.exec(text)?.[0];
  if (counts !== undefined) return counts;
  if (/^No changes\. /m.test(text)) return 'No changes.';
  return /^(│ )?Error: /m.test(text)
    ? '**Not planned.**'
    : 'Nothing but outputs changes, or what is known of it.';
}

export function markdownOfPlans(plans: readonly Plan[]): string {
  if (plans.length === 0) {
    return 'No plan: there is none where a check has failed, for forks, and without `AWS_PLAN_ROLE_ARN`.\n';
  }
  return plans
    .map(({ name, text: whole }) => {
      const text = plain(whole, MAX_CHARACTERS);
      const cut =
        whole.length > MAX_CHARACTERS ? `\nCut after ${MAX_CHARACTERS} of ${whole.length} characters.\n` : '';
      return `<details><summary>${name}: ${verdictOf(plain(whole, whole.length))}</summary>\n\n${fenced(text)}${cut}</details>\n`;
    })
    .join('\n');
}

/** The first few files NAME.plan. */
export function readPlans(folder: string): Plan[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).flatMap((file) => /^([a-z]{1,20})\.plan$/.exec(file)?.[1] ?? []);
  return names
    .sort()
    .slice(0, MAX_PLANS)
    .map((name) => ({ name, text: readRegular(join(folder, `${name}.plan`), 'plan') }));
}

function main(folder: string): void {
  const markdown = markdownOfPlans(readPlans(folder));
  process.stdout.write(markdown);
  const { GITHUB_STEP_SUMMARY = '' } = process.env;
  if (GITHUB_STEP_SUMMARY !== '') appendFileSync(GITHUB_STEP_SUMMARY, markdown);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main(process.argv[2] ?? '');
