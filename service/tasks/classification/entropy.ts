/**
 * Entropy of softmax(logits) divided by that of equal scores: 0 where one class has all, or there is but one,
 * 1 where none is preferred. By ln(sum) - sum(p * logit), in which nothing overflows once the largest is taken off.
 */
export function entropyRatio(logits: Float32Array): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] ?? 0;
    if (logit > largest) largest = logit;
  }
  let sum = 0;
  let weighted = 0;
  for (let id = 0; id < logits.length; id++) {
    const logit = (logits[id] ?? 0) - largest;
    const score = Math.exp(logit);
    sum += score;
    if (score > 0) weighted += score * logit;
  }
  if (logits.length < 2) return 0;
  return Math.min(1, Math.max(0, (Math.log(sum) - weighted / sum) / Math.log(logits.length)));
}
