"""Quantised candidates of an ONNX model, made by ONNX Runtime's own tools. `npm run optimize` starts this.

Reads a job from standard input (JSON, see `Job`) and writes what becomes of it to standard output, a JSON object a
line: {"tools"}, {"progress"}, {"made"}, {"failed"}, {"best"} (the calibration with the least error). Measures nothing
that a choice is made by: the service's own runtime does.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantType,
    quant_pre_process,
    quantize_dynamic,
    quantize_static,
)
from onnxruntime.quantization.calibrate import create_calibrator, save_tensors_data

HEAVY = ('Conv', 'Gemm', 'MatMul')
"""Where the arithmetic is, and where the processor multiplies 8-bit numbers."""
PASSED_ON = (
    *('Add', 'Mul', 'Relu', 'Clip', 'LeakyRelu', 'Sigmoid', 'Concat', 'Split', 'Slice', 'Pad', 'Resize'),
    *('MaxPool', 'AveragePool', 'GlobalAveragePool', 'Reshape', 'Flatten', 'Transpose', 'Squeeze', 'Unsqueeze'),
)
"""What ONNX Runtime's CPU kernels compute in 8 bits between those, without a way back to floats."""
QUANTISED = {'QuantizeLinear', 'QLinearConv', 'QLinearMatMul', 'DynamicQuantizeLinear', 'MatMulInteger', 'ConvInteger'}
PER_CHANNEL_OPSET = 13
"""The first in which QuantizeLinear has an axis."""
METHODS = {
    'minmax': CalibrationMethod.MinMax,
    'entropy': CalibrationMethod.Entropy,
    'percentile': CalibrationMethod.Percentile,
}
LEFT_OUT = (0.04, 0.1, 0.25)
"""Shares of the layers that are left in floats, those that hurt most first."""
JUDGED = 4
"""Calibration tensors that single layers are judged by."""
JUDGING_SECONDS = 240


@dataclass(frozen=True)
class Tensor:
    """A calibration tensor: a file of little-endian numbers, as the service feeds them."""

    file: str
    type: str
    shape: list[int]
    mask: list[int] | None = None
    """Shape of the input that says which pixels are of the image, where the model has one."""


@dataclass(frozen=True)
class Job:
    """What is to be made of which model."""

    model: str
    out: str
    input: str
    mask: str | None
    tensors: list[Tensor]
    activations: str
    """uint8 (x86-64) or int8 (Arm)."""
    reduce_range: bool
    """Weights of 7 bits: without VNNI the sums of 8-bit products saturate."""
    float16: bool
    """Whether the provider computes in halves."""
    leave_out_by: str | None
    """The best calibration of an earlier job with the same folder: make those that leave out what hurts most by it."""


def read_job(text: str) -> Job:
    given = json.loads(text)
    return Job(**{**given, 'tensors': [Tensor(**each) for each in given['tensors']]})


def say(kind: str, value: object) -> None:
    print(json.dumps({kind: value}), file=sys.__stdout__, flush=True)


class Calibration(CalibrationDataReader):
    """Feeds the tensors, one at a time in memory."""

    def __init__(self, job: Job, tensors: list[Tensor]) -> None:
        self._feeds = feeds(job, tensors)

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._feeds, None)


def feeds(job: Job, tensors: list[Tensor]) -> Iterator[dict[str, np.ndarray]]:
    for tensor in tensors:
        values = np.fromfile(tensor.file, dtype=np.dtype(tensor.type)).reshape(tensor.shape)
        masks = {} if tensor.mask is None else {job.mask: np.ones(tensor.mask, np.int64)}
        yield {job.input: values, **masks}


class Workshop:
    """The model made ready once, the ranges of its tensors once for each method, candidates from these."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.folder = Path(job.out)
        self.source = self.folder / 'prepared.onnx'
        graph = prepare(Path(job.model), self.source)
        kinds = [node.op_type for node in graph.node if node.op_type in HEAVY and has_weights(node, graph)]
        self.is_transformer = kinds.count('Conv') < len(kinds) / 2
        self.layers = [node.name for node in graph.node if node.op_type in HEAVY and has_weights(node, graph)]
        self.tail = between_ends(graph, self.layers)
        self.last = last_layers(graph, self.layers)
        self.wants = [output.name for output in graph.output]
        self.expected = [self._run(self.source, feed) for feed in feeds(job, job.tensors[:JUDGED])]

    def ranges(self, method: str) -> Path:
        """The ranges of all tensors by a calibration method, as a file; images go through one by one."""
        path = self.folder / f'{method}.json'
        augmented = self.folder / f'{method}.augmented.onnx'
        ops = [*HEAVY, *PASSED_ON]
        calibrator = create_calibrator(self.source, ops, str(augmented), METHODS[method])
        for tensor in self.job.tensors:
            calibrator.collect_data(Calibration(self.job, [tensor]))
        save_tensors_data(calibrator.compute_data(), path)
        augmented.unlink(missing_ok=True)
        return path

    def static(
        self, name: str, method: str, ops: tuple[str, ...], left_out: list[str], only: list[str] | None = None
    ) -> Path:
        """int8 with QuantizeLinear and DequantizeLinear around each layer, weights by channel."""
        path = self.folder / f'{name}.onnx'
        is_uint8 = self.job.activations == 'uint8'
        quantize_static(
            self.source,
            path,
            calibration_cache_path=self.folder / f'{method}.json',
            calibrate_method=METHODS[method],
            op_types_to_quantize=list(ops),
            per_channel=True,
            reduce_range=self.job.reduce_range,
            activation_type=QuantType.QUInt8 if is_uint8 else QuantType.QInt8,
            weight_type=QuantType.QInt8,
            nodes_to_quantize=only,
            nodes_to_exclude=[*self.tail, *left_out],
            extra_options={'MatMulConstBOnly': True, 'ActivationSymmetric': not is_uint8},
        )
        return path

    def dynamic(self, name: str) -> Path:
        """int8 weights; the ranges of activations are taken anew in each run."""
        path = self.folder / f'{name}.onnx'
        quantize_dynamic(
            self.source,
            path,
            op_types_to_quantize=['MatMul', 'Gemm', 'Attention'],
            per_channel=True,
            reduce_range=self.job.reduce_range,
            weight_type=QuantType.QInt8,
            extra_options={'MatMulConstBOnly': True},
        )
        return path

    def half(self, name: str) -> Path:
        from onnxruntime.transformers.float16 import convert_float_to_float16

        path = self.folder / f'{name}.onnx'
        onnx.save(convert_float_to_float16(onnx.load(self.source), keep_io_types=True), path)
        return path

    def error(self, path: Path) -> float:
        """How far the outputs are off, relative to their size: the mean over a few tensors and all outputs."""
        found = [self._run(path, feed) for feed in feeds(self.job, self.job.tensors[:JUDGED])]
        return float(
            np.mean(
                [
                    off(a, b)
                    for one, other in zip(self.expected, found, strict=True)
                    for a, b in zip(one, other, strict=True)
                ]
            )
        )

    def hurting(self, method: str) -> list[str]:
        """Layers by what quantising each alone does to the outputs, the worst first. As many as there is time for."""
        errors: dict[str, float] = {}
        deadline = time.monotonic() + JUDGING_SECONDS
        for index, layer in enumerate(self.layers):
            if time.monotonic() > deadline:
                say('progress', f'{index} of {len(self.layers)} layers judged in {JUDGING_SECONDS} s, the rest not')
                break
            errors[layer] = self.error(self.static('alone', method, HEAVY, [], [layer]))
        (self.folder / 'alone.onnx').unlink(missing_ok=True)
        return sorted(errors, key=lambda layer: -errors[layer])

    def _run(self, path: Path, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        options = ort.SessionOptions()
        options.log_severity_level = 4
        session = ort.InferenceSession(str(path), options, providers=['CPUExecutionProvider'])
        return session.run(self.wants, feed)


def off(expected: np.ndarray, found: np.ndarray) -> float:
    size = float(np.linalg.norm(expected.astype(np.float64)))
    return float(np.linalg.norm(expected.astype(np.float64) - found.astype(np.float64))) / max(size, 1e-12)


def prepare(model: Path, to: Path) -> onnx.GraphProto:
    """Names for all nodes, an opset that knows channels, shapes inferred, batch normalisation folded."""
    proto = onnx.load(model)
    if any(node.op_type in QUANTISED for node in proto.graph.node):
        raise SystemExit('the model is quantised already')
    if not any(weight.data_type == TensorProto.FLOAT and len(weight.dims) > 1 for weight in constants(proto.graph)):
        raise SystemExit('the model has no weights of 32-bit floats')
    weights = {weight.name for weight in proto.graph.initializer}
    inputs = [each for each in proto.graph.input if each.name not in weights]
    del proto.graph.input[:]
    proto.graph.input.extend(inputs)
    opset = next(each.version for each in proto.opset_import if each.domain in ('', 'ai.onnx'))
    if opset < PER_CHANNEL_OPSET:
        proto = onnx.version_converter.convert_version(proto, PER_CHANNEL_OPSET)
    raw = to.with_name('raw.onnx')
    onnx.save(proto, raw)
    try:
        quant_pre_process(raw, to)
    except Exception as error:
        say('progress', f'shapes are not inferred symbolically: {error}')
        quant_pre_process(raw, to, skip_symbolic_shape=True)
    raw.unlink()
    prepared = onnx.load(to)
    for index, node in enumerate(prepared.graph.node):
        node.name = node.name or f'{node.op_type}_{index}'
    onnx.save(prepared, to)
    return prepared.graph


def constants(graph: onnx.GraphProto) -> list[TensorProto]:
    values = [
        item.t for node in graph.node if node.op_type == 'Constant' for item in node.attribute if item.name == 'value'
    ]
    return [*graph.initializer, *values]


def has_weights(node: onnx.NodeProto, graph: onnx.GraphProto) -> bool:
    return node.input[1] in {weight.name for weight in graph.initializer}


def between_ends(graph: onnx.GraphProto, layers: list[str]) -> list[str]:
    """What comes before the first layers and after the last ones: little work, and it decides the answers."""
    before, after = reach(graph, layers, forward=True), reach(graph, layers, forward=False)
    return [node.name for node in graph.node if not (node.name in before and node.name in after)]


def last_layers(graph: onnx.GraphProto, layers: list[str]) -> list[str]:
    """Layers that no other layer comes after."""
    followed = reach(graph, layers, forward=False, itself=False)
    return [layer for layer in layers if layer not in followed]


def reach(graph: onnx.GraphProto, names: list[str], *, forward: bool, itself: bool = True) -> set[str]:
    """Nodes that the named ones lead to (forward), or that lead to them; those among them where `itself`."""
    tensors: set[str] = set()
    reached: set[str] = set()
    for node in graph.node if forward else reversed(graph.node):
        enters, leaves = (node.input, node.output) if forward else (node.output, node.input)
        is_named, is_reached = node.name in names, not tensors.isdisjoint(enters)
        if is_named or is_reached:
            tensors.update(name for name in leaves if name)
        if is_reached or (is_named and itself):
            reached.add(node.name)
    return reached


def attempt(name: str, settings: dict[str, Any], make: Callable[[], Path]) -> Path | None:
    """Makes a candidate and says so; what cannot be made is said, and is no reason to end."""
    try:
        path = make()
    except Exception as error:
        say('failed', {'name': name, 'reason': f'{type(error).__name__}: {error}'.splitlines()[0][:300]})
        return None
    say('made', {'name': name, 'file': str(path), 'settings': settings})
    return path


def make_static(shop: Workshop) -> None:
    """All layers by each calibration; of the best one, layers alone, and all but the last layers."""
    errors: dict[str, float] = {}
    for method in METHODS:
        say('progress', f'calibrating: {method}')
        path = attempt_static(shop, method, '', [], prepare=lambda method=method: shop.ranges(method))
        if path is not None:
            errors[method] = shop.error(path)
    if not errors:
        return
    best = min(errors, key=lambda method: errors[method])
    say('best', best)
    attempt_static(shop, best, '-layers', [], ops=HEAVY)
    attempt_static(shop, best, '-ends', shop.last)


def leave_out(shop: Workshop, method: str) -> None:
    """With ever more of the layers that hurt most in floats."""
    say('progress', f'judging {len(shop.layers)} layers')
    hurting = shop.hurting(method)
    for count in sorted({max(1, round(len(shop.layers) * share)) for share in LEFT_OUT}):
        if count < len(hurting):
            attempt_static(shop, method, f'-without-{count}', hurting[:count])


def attempt_static(
    shop: Workshop,
    method: str,
    suffix: str,
    left_out: list[str],
    ops: tuple[str, ...] = (*HEAVY, *PASSED_ON),
    prepare: Callable[[], object] = lambda: None,
) -> Path | None:
    settings = {
        'calibration': method,
        'format': 'QDQ',
        'weights': 'int8 by channel',
        'activations': shop.job.activations,
        'reduce_range': shop.job.reduce_range,
        'images': len(shop.job.tensors),
        'operators': 'layers' if ops == HEAVY else 'all between layers',
        'in_floats': left_out,
    }
    name = f'int8-{method}{suffix}'

    def make() -> Path:
        prepare()
        return shop.static(name, method, ops, left_out)

    return attempt(name, settings, make)


def main() -> None:
    logging.disable(logging.WARNING)
    # What the tools print is for people.
    sys.stdout = sys.stderr
    job = read_job(sys.stdin.read())
    # The tools leave files where they run.
    os.chdir(job.out)
    shop = Workshop(job)
    say('tools', {name: version(name) for name in ('onnx', 'onnxruntime', 'numpy')})
    if job.leave_out_by is not None:
        return leave_out(shop, job.leave_out_by)
    if job.float16:
        attempt('float16', {'weights': 'float16'}, lambda: shop.half('float16'))
    if not shop.layers:
        return say('failed', {'name': 'int8', 'reason': 'there are no convolutions or matrix products with weights'})
    if shop.is_transformer:
        settings = {'weights': 'int8 by channel', 'activations': 'by run', 'reduce_range': job.reduce_range}
        attempt('int8-dynamic', settings, lambda: shop.dynamic('int8-dynamic'))
    return make_static(shop)


if __name__ == '__main__':
    main()
