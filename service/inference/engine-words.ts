/**
 * What ONNX Runtime says, without the lines and functions of its own source: `failed:/path/graph.cc:12 void f(int) The
 * words`; CUDA's failures come behind several of them, and before the host and the expression.
 */
export function engineWords(message: string): string {
  const line = message.split('\n', 1)[0] ?? '';
  const failureOfCuda = /CUDA failure \d+: [^;]*[^; ]/.exec(line)?.[0];
  return failureOfCuda ?? line.replace(/\/\S+\.(?:cc|h):\d+ .*?\) (?=[A-Z])/, ' ');
}
