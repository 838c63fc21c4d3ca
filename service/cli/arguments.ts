import { type ParseArgsConfig, parseArgs } from 'node:util';
import { messageOf } from '../errors.js';
import { UsageError } from './outcome.js';

type Options = NonNullable<ParseArgsConfig['options']>;

/** Flags and what else was typed. Throws UsageError. @param most arguments that are no flags */
export function readArguments<const Given extends Options>(
  args: readonly string[],
  options: Given,
  most = Number.POSITIVE_INFINITY,
) {
  const parsed = parse(args, options);
  const [surplus] = parsed.positionals.slice(most);
  if (surplus !== undefined) throw new UsageError(`what is ${JSON.stringify(surplus)} for?`);
  return parsed;
}

function parse<const Given extends Options>(args: readonly string[], options: Given) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    // What follows the first sentence is for programmers.
    const [sentence = ''] = messageOf(error).split(/(?<=['"\w])\. |\n/);
    throw new UsageError(sentence.replace(/\.$/, ''));
  }
}
