import { CONFIG_SCHEMA } from '../../config.js';
import type { Field } from '../../config-fields.js';
import { REQUEST_ERROR_CODES, STARTUP_ERROR_CODES } from '../../errors.js';
import { STATUS_OF_CODE } from '../../http/error-responses.js';
import { manifestSchema } from '../../model/manifest.js';
import type { Task } from '../../tasks/task.js';
import { TASKS } from '../../tasks/tasks.js';
import { Metrics } from '../../telemetry/metrics.js';

/** The tables of the documents, made from the code that they describe. */

export function configTable(): string {
  const rows = Object.entries<Field<unknown>>(CONFIG_SCHEMA).map(([name, field]) => {
    return [
      `\`${name}\``,
      field.type,
      field.defaultText,
      field.description + (field.secret ? ' (secret)' : ''),
    ];
  });
  return table(['variable', 'type', 'default', 'what it does'], rows);
}

/** How the row of each error begins; what it means is written by hand. */
export function errorRows(): string[] {
  return [
    ...REQUEST_ERROR_CODES.map((code) => `| \`${code}\` | ${STATUS_OF_CODE[code]} | `),
    ...STARTUP_ERROR_CODES.map((code) => `| \`${code}\` | start | `),
  ];
}

export async function metricsTable(): Promise<string> {
  const described = (await new Metrics().text()).matchAll(/^# HELP (cv_\S+) (.*)\n# TYPE \S+ (\S+)$/gm);
  const rows = [...described].map(([, name, help = '', type = '']) => [`\`${name}\``, type, help]);
  return table(['metric', 'type', 'what it counts'], rows);
}

interface SchemaNode {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly description?: string;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode;
  readonly pattern?: string;
}

/** What model.json has whatever the task, but for `task` itself. */
export function manifestTable(): string {
  return fieldTable((field) => field !== '`task`' && !isOfTask(field), TASKS[0]);
}

/** What a task adds to model.json. */
export function taskTable(task: Task): string {
  return fieldTable(isOfTask, task);
}

function isOfTask(field: string): boolean {
  return /^`(output|golden)\b/.test(field);
}

function fieldTable(isShown: (field: string) => boolean, task: Task | undefined): string {
  if (task === undefined) throw new Error('there is no task');
  const rows = manifestRows(manifestSchema(task) as unknown as SchemaNode, '');
  return table(
    ['field', 'type', 'required', 'meaning'],
    rows.filter(([field = '']) => isShown(field)),
  );
}

function manifestRows(node: SchemaNode, prefix: string): string[][] {
  return Object.entries(node.properties ?? {}).flatMap(([name, property]) => {
    const path = `${prefix}${name}`;
    const row = [
      `\`${path}\``,
      typeText(property),
      node.required?.includes(name) ? 'yes' : '',
      property.description ?? '',
    ];
    const inner = property.items?.properties
      ? { node: property.items, prefix: `${path}[].` }
      : { node: property, prefix: `${path}.` };
    return [row, ...manifestRows(inner.node, inner.prefix)];
  });
}

function typeText(node: SchemaNode): string {
  if (node.enum !== undefined) return node.enum.join(', ');
  if (node.const !== undefined) return String(node.const);
  if (node.type === 'array') return `list of ${node.items?.type ?? 'values'}s`;
  return node.pattern === undefined ? (node.type ?? '') : `${node.type} matching \`${node.pattern}\``;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), `|${' --- |'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}
