/**
 * The ids of the k largest values, best first; equal values in order of id.
 * One pass with a short sorted list: O(n k) at worst, O(n) for values in no order, and k is small.
 */
export function topK(values: Float32Array, k: number): number[] {
  const best: number[] = [];
  let worst = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < values.length; id++) {
    const value = values[id] ?? Number.NEGATIVE_INFINITY;
    if (best.length === k && !(value > worst)) continue;
    let place = best.length < k ? best.length : k - 1;
    while (place > 0 && value > (values[best[place - 1] ?? 0] ?? 0)) place -= 1;
    best.splice(place, 0, id);
    if (best.length > k) best.pop();
    worst = values[best.at(-1) ?? 0] ?? Number.NEGATIVE_INFINITY;
  }
  return best;
}
