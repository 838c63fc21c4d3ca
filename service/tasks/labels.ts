import { Type } from '../json-schema.js';
import { misfit } from './faults.js';

/** Labels in a manifest. @param most bounds a response */
export function labelsField(most: number) {
  return Type.Optional(
    Type.Array(Type.String(), {
      minItems: 1,
      maxItems: most,
      description: 'by class id; default LABEL_0, LABEL_1, ...',
    }),
  );
}

/** By class id. @param classes that the model tells apart */
export function labelsFor(given: readonly string[] | undefined, classes: number): readonly string[] {
  return given ?? Array.from({ length: classes }, (_, id) => numbered(id));
}

/** Throws MODEL_INCOMPATIBLE where there is not one for each class. @param where they are told apart */
export function checkLabels(given: readonly string[] | undefined, classes: number, where: string): void {
  if (given === undefined || given.length === classes) return;
  misfit(`the manifest has ${given.length} labels, ${where} of the file has ${classes} classes`);
}

export function labelOf(labels: readonly string[], classId: number): string {
  return labels[classId] ?? numbered(classId);
}

function numbered(classId: number): string {
  return `LABEL_${classId}`;
}
