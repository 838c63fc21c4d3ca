"""What `npm run optimize` asks of quantize.py, on small models made here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

SCRIPT = Path(__file__).parents[1] / 'quantize/quantize.py'
RNG = np.random.default_rng(7)


def weights(name: str, *shape: int) -> TensorProto:
    return numpy_helper.from_array(RNG.normal(0, 0.3, shape).astype(np.float32), name)


def convolutions(path: Path, opset: int = 17, *, weights_as_inputs: bool = False) -> Path:
    """Two convolutions with the input's mean taken out before, a sigmoid after; any batch."""
    nodes = [
        helper.make_node('GlobalAveragePool', ['image'], ['mean'], 'mean'),
        helper.make_node('Sub', ['image', 'mean'], ['even'], 'even'),
        helper.make_node('Conv', ['even', 'w1'], ['a'], 'first', pads=[1, 1, 1, 1]),
        helper.make_node('Relu', ['a'], ['b'], 'relu'),
        helper.make_node('Conv', ['b', 'w2'], ['c'], 'second', pads=[1, 1, 1, 1]),
        helper.make_node('Sigmoid', ['c'], ['scores'], 'sigmoid'),
    ]
    constants = [weights('w1', 8, 3, 3, 3), weights('w2', 4, 8, 3, 3)]
    inputs = [helper.make_tensor_value_info('image', TensorProto.FLOAT, ['n', 3, 16, 16])]
    if weights_as_inputs:
        inputs += [helper.make_tensor_value_info(each.name, TensorProto.FLOAT, each.dims) for each in constants]
    outputs = [helper.make_tensor_value_info('scores', TensorProto.FLOAT, ['n', 4, 16, 16])]
    return save(path, nodes, inputs, outputs, constants, opset)


def products(path: Path) -> Path:
    """Two matrix products, as in a transformer."""
    nodes = [
        helper.make_node('MatMul', ['image', 'w1'], ['a'], 'first'),
        helper.make_node('Relu', ['a'], ['b'], 'relu'),
        helper.make_node('MatMul', ['b', 'w2'], ['scores'], 'second'),
    ]
    inputs = [helper.make_tensor_value_info('image', TensorProto.FLOAT, ['n', 3, 16, 16])]
    outputs = [helper.make_tensor_value_info('scores', TensorProto.FLOAT, ['n', 3, 16, 4])]
    return save(path, nodes, inputs, outputs, [weights('w1', 16, 32), weights('w2', 32, 4)], 17)


def save(path: Path, nodes: list, inputs: list, outputs: list, constants: list, opset: int) -> Path:
    graph = helper.make_graph(nodes, 'test', inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', opset)])
    model.ir_version = 8
    onnx.save(model, path)
    return path


# With weights of 7 bits, whose sums no processor saturates.
def quantize(model: Path, folder: Path, **changed: object) -> subprocess.CompletedProcess:
    tensors = []
    for index in range(4):
        file = folder / f'{index}.bin'
        RNG.normal(size=(1, 3, 16, 16)).astype('<f4').tofile(file)
        tensors.append({'file': str(file), 'type': '<f4', 'shape': [1, 3, 16, 16], 'mask': None})
    job = {'model': str(model), 'out': str(folder), 'input': 'image', 'mask': None, 'tensors': tensors}
    job |= {'activations': 'uint8', 'reduce_range': True, 'float16': False, 'leave_out_by': None, **changed}
    return subprocess.run([sys.executable, SCRIPT], input=json.dumps(job), capture_output=True, text=True, check=False)


def said(done: subprocess.CompletedProcess, kind: str) -> list[Any]:
    assert done.returncode == 0, done.stderr
    return [line[kind] for line in map(json.loads, done.stdout.splitlines()) if kind in line]


def run(path: Path, batch: int) -> np.ndarray:
    session = ort.InferenceSession(str(path), providers=['CPUExecutionProvider'])
    images = np.random.default_rng(1).normal(size=(batch, 3, 16, 16)).astype(np.float32)
    return session.run(['scores'], {'image': images})[0]


@pytest.mark.parametrize(('opset', 'weights_as_inputs'), [(11, False), (17, True)])
def test_candidates_answer_nearly_as_the_model_does_in_any_batch(
    tmp_path: Path, opset: int, weights_as_inputs: bool
) -> None:
    model = convolutions(tmp_path / 'model.onnx', opset, weights_as_inputs=weights_as_inputs)
    done = quantize(model, tmp_path)
    made = said(done, 'made')
    assert not said(done, 'failed')
    names = [each['name'] for each in made]
    assert names[:3] == ['int8-minmax', 'int8-entropy', 'int8-percentile']
    best = said(done, 'best')[0]
    assert names[3:] == [f'int8-{best}-layers', f'int8-{best}-ends']
    for each in made:
        for batch in (1, 3):
            assert np.abs(run(Path(each['file']), batch) - run(model, batch)).mean() < 0.03
        assert [entry.name for entry in onnx.load(each['file']).graph.input] == ['image']


def test_what_comes_before_the_layers_stays_in_floats(tmp_path: Path) -> None:
    said(quantize(convolutions(tmp_path / 'model.onnx'), tmp_path), 'made')
    nodes = onnx.load(tmp_path / 'int8-minmax.onnx').graph.node
    makers = {output: node.op_type for node in nodes for output in node.output}
    inputs = {node.op_type: [makers.get(name, name) for name in node.input] for node in nodes}
    assert inputs['GlobalAveragePool'] == ['image']
    assert inputs['Sub'] == ['image', 'GlobalAveragePool']
    assert inputs['Conv'][0] == 'DequantizeLinear'


def test_layers_are_left_out_the_one_that_hurts_most_first(tmp_path: Path) -> None:
    model = convolutions(tmp_path / 'model.onnx')
    best = said(quantize(model, tmp_path), 'best')[0]
    (made,) = said(quantize(model, tmp_path, leave_out_by=best), 'made')
    assert made['name'] == f'int8-{best}-without-1'
    assert made['settings']['in_floats'][0] in ('first', 'second')


def test_a_model_of_matrix_products_is_tried_with_ranges_by_run_as_well(tmp_path: Path) -> None:
    model = products(tmp_path / 'model.onnx')
    done = quantize(model, tmp_path, float16=True)
    names = [each['name'] for each in said(done, 'made')]
    assert names[:2] == ['float16', 'int8-dynamic']
    for name in names[:2]:
        assert np.abs(run(tmp_path / f'{name}.onnx', 2) - run(model, 2)).max() < 0.1


def test_a_model_that_is_quantised_already_is_refused(tmp_path: Path) -> None:
    said(quantize(convolutions(tmp_path / 'model.onnx'), tmp_path), 'made')
    again = tmp_path / 'again'
    again.mkdir()
    done = quantize(tmp_path / 'int8-minmax.onnx', again)
    assert done.returncode != 0
    assert 'quantised already' in done.stderr
