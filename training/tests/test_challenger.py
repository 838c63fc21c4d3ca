from pathlib import Path

import numpy as np
import pytest
from captures import capture, captured_digits, png, training_bank

from bundle import INPUT
from preprocess import Preprocess
from samples import make_samples
from stages.evaluate import evaluate_challenger, open_reader
from stages.ingest import ingest
from stages.settings import SHIPPED, Refusal, Settings
from stages.train import next_version, train_challenger, vary
from stages.validate import read_accepted

torch = pytest.importorskip('torch')


def test_the_champion_s_weights_answer_as_its_file_does() -> None:
    from model import DigitNet
    from stages.weights import weights_of

    preprocess = Preprocess(INPUT)
    pixels, _ = make_samples(training_bank(60), preprocess, 3, 64, 1)
    tensors = preprocess.normalise(pixels)[:, None]
    model = DigitNet()
    model.load_state_dict(weights_of(SHIPPED, tensors))
    with torch.no_grad():
        given = model.eval()(torch.from_numpy(tensors)).numpy()
    assert np.abs(given - open_reader(SHIPPED).logits(tensors)).max() < 1e-3


def test_a_champion_of_another_network_is_refused(tmp_path: Path) -> None:
    from stages.weights import weights_of

    finder = SHIPPED.parent / 'digit-finder'
    with pytest.raises(Refusal, match=r'not the network of model\.py'):
        weights_of(finder, np.zeros((2, 1, 40, 40), np.float32))


def test_the_version_tells_the_data() -> None:
    assert next_version('1.0.0', 'abcdef0123456789') == '1.1.0-abcdef01'
    assert next_version('1.1.0-abcdef01', '0123456789') == '1.2.0-01234567'


@pytest.mark.parametrize('version', ['', 'v1', '7', 'x.y.z'])
def test_a_champion_whose_version_nothing_follows_is_refused(version: str) -> None:
    with pytest.raises(Refusal, match='it is not 1'):
        next_version(version, 'abcdef0123456789')


def test_a_challenger_that_is_not_whole_is_not_judged(tmp_path: Path) -> None:
    settings = Settings(work=tmp_path)
    settings.challenger.mkdir()
    with pytest.raises(Refusal, match=r'the challenger has no model\.json'):
        evaluate_challenger(settings)
    (settings.challenger / 'model.json').write_bytes((SHIPPED / 'model.json').read_bytes())
    for left in (None, b'', b'half a model'):
        if left is not None:
            (settings.challenger / 'model.onnx').write_bytes(left)
        with pytest.raises(Refusal, match='the challenger is not the model'):
            evaluate_challenger(settings)


def test_a_varied_picture_is_another_of_the_same_size() -> None:
    pixels = make_samples(training_bank(20), Preprocess(INPUT), 3, 1, 1)[0][0]
    varied = vary(pixels, np.random.default_rng(1))
    assert varied.shape == pixels.shape
    assert (varied != pixels).any()


def test_data_that_validation_has_not_passed_is_not_trained_on(tmp_path: Path) -> None:
    settings = Settings(work=tmp_path / 'work', source=str(tmp_path / 'captures'))
    for index, (image, label) in enumerate(captured_digits(12)):
        capture(Path(settings.source), f'r{index}', png(image), str(label))
    ingest(settings)
    with pytest.raises(Refusal, match='run `loop'):
        train_challenger(settings)
    with pytest.raises(Refusal, match='run `loop'):
        read_accepted(settings)
