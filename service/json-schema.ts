import Builder, { type TSchema } from 'typebox';
import { Compile, type Validator } from 'typebox/compile';

/**
 * What schemas are made with. The build puts typebox into this file: read as it comes, 700 files, it would be half of what
 * the start of the service takes.
 */
export const Type: typeof Builder = Builder;

/** Unknown fields are refused, so that a misspelt one cannot be overlooked. */
export const closed = { additionalProperties: false } as const;

/** A check against a schema, and the faults that it finds. */
export function compile<Schema extends TSchema>(schema: Schema): Validator<Record<never, never>, Schema> {
  return Compile(schema);
}
