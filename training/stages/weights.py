"""A network's weights, out of an ONNX file that export.py has written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

from model import DigitNet
from stages.champion import read_about
from stages.settings import Refusal


@torch.no_grad()
def weights_of(folder: Path, tensors: np.ndarray) -> dict[str, torch.Tensor]:
    """The state of a DigitNet that answers as the model in `folder` does.

    tensors: [N, 1, H, W] float32, pictures to measure the layers on where batch normalisation was folded into the
    convolutions: without it training would begin with layers whose answers are of any size.
    """
    graph = onnx.load(folder / read_about(folder)['file']).graph
    found = {each.name: torch.from_numpy(numpy_helper.to_array(each).copy()) for each in graph.initializer}
    model = DigitNet().eval()
    try:
        if all(name in found for name, _ in model.named_parameters()):
            model.load_state_dict(found, strict=False)
        else:
            _unfold(model, graph, found, torch.from_numpy(tensors))
    except (KeyError, StopIteration, RuntimeError, ValueError) as error:
        raise Refusal(f'the champion in {folder} has not the network of model.py: {error}') from error
    return model.state_dict()


def _unfold(model: DigitNet, graph: onnx.GraphProto, found: dict[str, torch.Tensor], batch: torch.Tensor) -> None:
    """Sets each normalisation to what it finds on the batch, and to give back what was folded in."""
    convolutions = (node for node in graph.node if node.op_type == 'Conv')
    bias = torch.zeros(0)
    for layer in model.layers:
        if isinstance(layer, nn.Conv2d):
            _, weight, bias_name = next(convolutions).input
            layer.weight.copy_(found[weight])
            bias = found[bias_name]
        elif isinstance(layer, nn.BatchNorm2d):
            mean, variance = batch.mean((0, 2, 3)), batch.var((0, 2, 3), unbiased=False)
            layer.running_mean.copy_(mean)
            layer.running_var.copy_(variance)
            layer.weight.copy_((variance + layer.eps).sqrt())
            layer.bias.copy_(bias + mean)
        batch = layer(batch)
    model.answer.weight.copy_(found['answer.weight'])
    model.answer.bias.copy_(found['answer.bias'])
