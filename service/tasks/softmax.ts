/**
 * Softmax of logits; the largest is taken off first so that nothing overflows. Returns scores that sum to 1.
 * By index, as all that goes over the scores: iterators and callbacks put each number on the heap.
 */
export function softmax(logits: Float32Array): Float32Array {
  let largest = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] ?? 0;
    if (logit > largest) largest = logit;
  }
  const scores = new Float32Array(logits.length);
  let sum = 0;
  for (let id = 0; id < logits.length; id++) {
    const score = Math.exp((logits[id] ?? 0) - largest);
    scores[id] = score;
    sum += score;
  }
  for (let id = 0; id < scores.length; id++) scores[id] = (scores[id] ?? 0) / sum;
  return scores;
}

/** Logistic function of each value; for labels that do not exclude each other. */
export function sigmoid(logits: Float32Array): Float32Array {
  return logits.map((logit) => 1 / (1 + Math.exp(-logit)));
}
