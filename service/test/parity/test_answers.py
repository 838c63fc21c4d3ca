"""The answers of the running service are those of Python: Pillow or OpenCV, ONNX Runtime, numpy."""

import io
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
import pytest
from PIL import Image

from decoders import Face, overlap, ultraface, yunet
from pictures import photograph
from references import FILTERS, boxed, normalised, references
from service_process import ROOT, ServiceProcess

FACES = ('faces-1.jpg', 'faces-17.jpg', 'faces-25.jpg')
DIGITS = ROOT / 'service/models/digits'


def run(model: Path, tensor: np.ndarray) -> dict[str, np.ndarray]:
    """The outputs by name of a batch of one."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model, options, ['CPUExecutionProvider'])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {session.get_inputs()[0].name: tensor[None]}), strict=True))


def words_of(name: str) -> dict[str, Any]:
    """The `input` of a reference, as a manifest has it where the file says the rest."""
    words = next(each.input for each in references(8) if each.name == name)
    return {key: value for key, value in words.items() if key not in ('type', 'layout')}


def corners(prediction: dict[str, Any]) -> np.ndarray:
    return np.array([prediction['box'][key] for key in ('x_min', 'y_min', 'x_max', 'y_max')])


def missed(expected: list[Face], found: list[dict[str, Any]], score: float) -> list[Face]:
    """Faces without a counterpart at an overlap of 0.9 whose score is as near as that."""
    return [
        face
        for face in expected
        if not any(
            overlap(face.box, corners(each)) >= 0.9 and abs(face.score - each['score']) <= score for each in found
        )
    ]


def test_ultraface_finds_every_face(data: Path) -> None:
    model = data / 'models/ultraface/version-RFB-320.onnx'
    golden = json.loads((data / 'golden/ultraface.json').read_text())
    manifest = {'task': 'detection', 'input': words_of('OpenCV, UltraFace'), 'output': {'labels': ['face']}}
    with ServiceProcess(model, manifest) as service:
        for name in FACES:
            found = service.predict((data / 'images' / name).read_bytes())['predictions']
            written = [Face(each['score'], np.array(each['box']), np.empty((0, 2))) for each in golden[name]['faces']]
            assert missed(written, found, 0.02) == []
            picture = photograph(data / 'images' / name)
            outputs = run(model, normalised(cv2.resize(picture, (320, 240)), 1, [127], [128]))
            expected = ultraface(outputs, picture.shape[1], picture.shape[0])
            assert len(found) == len(expected)
            assert missed(expected, found, 0.001) == []


def test_yunet_finds_every_face_and_its_points(data: Path) -> None:
    model = data / 'models/yunet/yunet_n_320_320.onnx'
    output = {'labels': ['face'], 'threshold': 0.6}
    manifest = {'task': 'keypoints', 'input': words_of('OpenCV, YuNet'), 'output': output}
    with ServiceProcess(model, manifest) as service:
        for name in FACES:
            picture = photograph(data / 'images' / name)
            found = service.predict((data / 'images' / name).read_bytes())['predictions']
            tensor = normalised(boxed(picture, 320, 0, centred=False)[..., ::-1], 1, [0], [1])
            size = np.array(picture.shape[1::-1])
            ratio = np.round(size * (320 / size.max())) / size
            expected = yunet(run(model, tensor), 320, ratio, 0.6)
            assert len(found) == len(expected) > 10
            for face, each in zip(expected, found, strict=True):
                points = np.array([[point['x'], point['y']] for point in each['points']])
                assert abs(face.score - each['score']) <= 0.001
                assert np.abs(np.clip(face.box, 0, [*size, *size]) - corners(each)).max() <= 0.02
                assert np.abs(np.clip(face.points, 0, size) - points).max() <= 0.02


@pytest.mark.parametrize('name', ['torchvision, V1', 'transformers, Bit to 224'])
def test_a_classifier_gives_the_same_outputs(data: Path, name: str) -> None:
    model = data / 'models/mobilenet_v2-random/model.onnx'
    reference = next(each for each in references(8) if each.name == name)
    with ServiceProcess(model, {'task': 'raw', 'input': words_of(name)}) as service:
        for image in ('photo-vga.jpg', 'photo-1920.jpg', 'faces-1.jpg', 'Landscape_6.jpg', '4.webp'):
            tensor = reference.tensor(photograph(data / 'images' / image))
            theirs = run(model, tensor)['logits'][0]
            ours = np.array(service.predict((data / 'images' / image).read_bytes())['outputs'][0]['data'])
            assert np.abs(ours - theirs).max() <= 1e-3 * np.abs(theirs).max()
            assert (np.argsort(-ours)[:5] == np.argsort(-theirs)[:5]).all()


def softmax(values: np.ndarray) -> np.ndarray:
    powers = np.exp(values - values.max())
    return powers / powers.sum()


def written(digit: int) -> np.ndarray:
    """A digit in white strokes on black, 28x28."""
    levels = np.zeros((28, 28), np.uint8)
    cv2.putText(levels, str(digit), (6, 22), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 255, 2, cv2.LINE_AA)
    return levels


def test_mnist_reads_white_digits_on_black(data: Path) -> None:
    model = data / 'models/mnist-cntk/mnist.onnx'
    resize = {'rule': 'stretch', 'filter': 'bilinear'}
    manifest = {'task': 'classification', 'input': {'resize': resize}, 'output': {'labels': list('0123456789')}}
    right = 0
    with ServiceProcess(model, manifest) as service:
        for digit in range(10):
            file = io.BytesIO()
            Image.fromarray(written(digit)).save(file, 'PNG')
            best = service.predict(file.getvalue())['predictions'][0]
            (outputs,) = run(model, written(digit)[None].astype(np.float32) / 255).values()
            scores = softmax(outputs[0])
            assert best['class_id'] == scores.argmax()
            assert abs(best['score'] - scores.max()) <= 1e-4
            right += best['label'] == str(digit)
    assert right >= 9


def test_the_default_model_reads_its_golden_images() -> None:
    with ServiceProcess(DIGITS) as service:
        for file in sorted((DIGITS / 'golden').glob('*.[pjw]*g*')):
            picture = photograph(file)
            grey = Image.fromarray(picture).convert('L')
            levels = np.asarray(
                grey.resize((40, grey.height), FILTERS['bilinear']).resize((40, 40), FILTERS['bilinear'])
            )
            scores = softmax(
                run(DIGITS / 'model.onnx', normalised(levels[..., None], 1 / 255, [0.5], [0.5]))['logits'][0]
            )
            best = service.predict(file.read_bytes())['predictions'][0]
            assert best['class_id'] == scores.argmax()
            assert abs(best['score'] - scores.max()) <= 1e-3
            assert best['label'] == file.name[0]
