import { expect, it } from 'vitest';
import { engineWords } from './engine-words.js';

it.each([
  [
    'a library that is missing',
    'OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library',
    'OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library',
  ],
  [
    'a driver without a device',
    '/src/cuda_call.cc:154 std::conditional_t<THRW, void, Status> onnxruntime::CudaCall(ERRTYPE, int) [with ERRTYPE = ' +
      'cudaError; bool THRW = true] /src/cuda_call.cc:146 void onnxruntime::CudaCall(ERRTYPE, int) [with ERRTYPE = ' +
      'cudaError] CUDA failure 100: no CUDA-capable device is detected ; GPU=-1 ; hostname=vm ; ' +
      'file=/src/cuda_execution_provider.cc ; line=352 ; expr=cudaSetDevice(info_.device_id); \n\n',
    'CUDA failure 100: no CUDA-capable device is detected',
  ],
  [
    'a file that it does not take',
    'Load model from m.onnx failed:/src/graph/model.cc:180 onnxruntime::Model::Model(ModelProto&&, const int*) ModelProto ' +
      'does not have a graph.\nmore',
    'Load model from m.onnx failed: ModelProto does not have a graph.',
  ],
])('says what the matter is and not where in the engine: %s', (_, message, words) => {
  expect(engineWords(message)).toBe(words);
});
