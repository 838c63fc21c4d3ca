import { chart } from './chart.js';
import type { Performance } from './run.js';
import type { Event } from './story.js';

const STYLE = `
:root { color-scheme: light dark; --ink: #1b1f24; --quiet: #59636e; --paper: #fff; --line: #d0d7de; --right: #1a7f37;
  --wrong: #cf222e; --first: #0550ae; --second: #9a4a00; --third: #6639ba; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --quiet: #9198a1; --paper: #0d1117; --line: #3d444d;
  --right: #3fb950; --wrong: #ff7b72; --first: #79c0ff; --second: #ffa657; --third: #d2a8ff; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 64rem; margin: 2rem auto;
  padding: 0 1rem; }
h2 { margin-top: 3rem; border-top: 1px solid var(--line); padding-top: 1rem; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .25rem .75rem .25rem 0;
  border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere; }
.ok { color: var(--right); font-weight: 600; } .fail { color: var(--wrong); font-weight: 600; } .quiet { color: var(--quiet); }
figure { margin: 1rem 0; overflow-x: auto; } svg { width: 100%; min-width: 40rem; height: auto; }
svg text { font: 12px system-ui, sans-serif; fill: var(--ink); } svg .axis { stroke: var(--line); }
svg .mark { stroke: var(--quiet); stroke-dasharray: 2 3; } svg .limit { stroke: var(--wrong); stroke-dasharray: 6 4; }
svg path { fill: none; stroke-width: 2; } .first { stroke: var(--first); } .second { stroke: var(--second); stroke-dasharray: 5 3; }
.third { stroke: var(--third); stroke-dasharray: 1 3; } td.time { white-space: nowrap; font-variant-numeric: tabular-nums; }
`;

/** One page of all plays, which needs nothing beside itself. */
export function page(performances: readonly Performance[]): string {
  const good = performances.filter(({ isGood }) => isGood).length;
  const [first] = performances;
  const date = new Date(first?.startedAt ?? 0).toISOString().slice(0, 16).replace('T', ' ');
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>The learning loop: ${good} of ${performances.length} plays as they must be</title>
<style>${STYLE}</style>
<main>
<h1>The learning loop</h1>
<p>${good} of ${performances.length} plays went as they must. Played on ${date} UTC with the service, Prometheus, Alertmanager,
the bridge, MLflow, an S3 server and a Git repository, each a process of its own; GitHub's API is stood in for by a small
server, and Argo CD by starting a second process of the service. A minute of the alert rules took
${first?.pace.secondsOfMinute} s; nothing else of them is changed.</p>
<table><thead><tr><th>play</th><th>what must come of it</th><th>verdict</th></tr></thead><tbody>
${performances.map(({ play, isGood }) => `<tr><td><a href="#${play.name}">${escaped(play.title)}</a></td><td>${escaped(play.moral)}</td><td>${verdictOf(isGood)}</td></tr>`).join('\n')}
</tbody></table>
${performances.map(section).join('\n')}
</main>
</html>
`;
}

function section(performance: Performance): string {
  const { play, isGood, seconds, checks, events, startedAt } = performance;
  return `<section id="${play.name}">
<h2>${escaped(play.title)}: ${verdictOf(isGood)}</h2>
<p>${escaped(play.moral)}. Took ${seconds} s.</p>
<figure tabindex="0">${chart(performance)}</figure>
<h3>What happened</h3>
<table><thead><tr><th>no.</th><th>time</th><th>who</th><th>what</th></tr></thead><tbody>
${events.map((event, index) => eventRow(event, index, startedAt)).join('\n')}
</tbody></table>
<h3>What must be</h3>
<table><thead><tr><th>verdict</th><th>promise</th><th>seen</th></tr></thead><tbody>
${checks.map(({ promise, isKept, detail }) => `<tr><td>${verdictOf(isKept)}</td><td>${escaped(promise)}</td><td>${escaped(detail)}</td></tr>`).join('\n')}
</tbody></table>
</section>`;
}

function eventRow({ at, actor, text }: Event, index: number, startedAt: number): string {
  const seconds = ((at - startedAt) / 1000).toFixed(1);
  return `<tr><td>${index + 1}</td><td class="time">${seconds} s</td><td>${actor}</td><td>${escaped(text)}</td></tr>`;
}

function verdictOf(isGood: boolean): string {
  return isGood ? '<span class="ok">kept</span>' : '<span class="fail">broken</span>';
}

/** Text as HTML. */
export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
