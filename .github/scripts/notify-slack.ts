/**
 * Says in Slack how something has ended: SLACK_WEBHOOK_URL (without it nothing is said), RESULT, TITLE, LINK.
 * Never fails: a notice is not worth a red pipeline.
 */
import { pathToFileURL } from 'node:url';

const TIMEOUT_MS = 10_000;
const SIGNS: Readonly<Record<string, string>> = { success: ':white_check_mark:', failure: ':x:' };

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

export function messageOf(environment: Readonly<Record<string, string | undefined>>): string {
  const { RESULT = '', TITLE = '', LINK = '' } = environment;
  const link = LINK === '' ? '' : ` <${LINK.replaceAll('>', '%3E').replaceAll('|', '%7C')}|details>`;
  return `${SIGNS[RESULT] ?? ':grey_question:'} ${escaped(TITLE)}: ${escaped(RESULT)}${link}`;
}

async function main(): Promise<void> {
  const url = process.env['SLACK_WEBHOOK_URL'] ?? '';
  if (url === '') {
    process.stdout.write('no SLACK_WEBHOOK_URL: no notice\n');
    return;
  }
  try {
    const { status } = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ text: messageOf(process.env) }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    process.stdout.write(status === 200 ? 'said in Slack\n' : `::warning::Slack answered ${status}\n`);
  } catch (error) {
    // Not the error itself: it may show the address, which is a secret.
    process.stdout.write(`::warning::Slack did not answer: ${error instanceof Error ? error.name : ''}\n`);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main();
