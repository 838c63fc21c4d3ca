/** Whether there is neither NaN nor infinity among them. By index: a callback puts each number on the heap. */
export function areNumbers(values: Float32Array): boolean {
  for (let index = 0; index < values.length; index++) {
    if (!Number.isFinite(values[index])) return false;
  }
  return true;
}
