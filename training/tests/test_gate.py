import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from captures import captured_digits, training_bank

from stages.evaluate import as_markdown, evaluate_challenger, golden_faults, open_reader
from stages.gate import Figures, chance, interval, judge, net_by_source
from stages.hold_out import HoldOut, hold_out, scan_slices
from stages.settings import SHIPPED, Refusal, Settings

SOURCES, PICTURES = 400, 1200


@pytest.fixture
def figures() -> Figures:
    """A champion that reads nine pictures of ten, three of each source; the challenger is the same."""
    rng = np.random.default_rng(1)
    right = rng.random(PICTURES) < 0.9
    labels = np.arange(PICTURES) % 10
    groups = {f'class {digit}': labels == digit for digit in range(10)}
    groups['slice small'] = np.arange(PICTURES) < 300
    return Figures(right, right.copy(), groups, np.arange(PICTURES) % SOURCES, (1.0, 1.0), (400_000, 400_000), [])


def broken(figures: Figures) -> set[str]:
    return {rule.name for rule in judge(figures) if not rule.passed}


def improved(figures: Figures, count: int) -> Figures:
    """The challenger also reads `count` of what the champion does not."""
    challenger = figures.challenger.copy()
    challenger[np.flatnonzero(~figures.champion)[:count]] = True
    return replace(figures, challenger=challenger)


def test_a_challenger_that_is_better_passes(figures: Figures) -> None:
    assert broken(improved(figures, 60)) == set()


def test_the_same_model_does_not_pass(figures: Figures) -> None:
    assert broken(figures) == {'better'}


def test_a_challenger_that_is_worse_does_not_pass(figures: Figures) -> None:
    better = improved(figures, 60)
    worse = replace(better, champion=better.challenger, challenger=better.champion)
    assert broken(worse) == {'better', 'nothing lost'}


def test_a_gain_that_the_hold_out_cannot_show_does_not_pass(figures: Figures) -> None:
    assert broken(improved(figures, 3)) == {'better'}


def test_a_gain_on_pictures_of_one_source_counts_once(figures: Figures) -> None:
    """Sixty pictures of three sources are three votes, however many pictures there are."""
    better = improved(figures, 60)
    won = better.challenger & ~better.champion
    sources = figures.sources.copy()
    sources[won] = np.flatnonzero(won) % 3
    assert 'better' in broken(replace(better, sources=sources))


def test_better_overall_but_one_class_lost_does_not_pass(figures: Figures) -> None:
    better = improved(figures, 110)
    three = figures.groups['class 3']
    challenger = better.challenger.copy()
    challenger[np.flatnonzero(three & figures.champion)[:20]] = False
    rules = {rule.name: rule for rule in judge(replace(better, challenger=challenger))}
    assert rules['better'].passed
    assert not rules['nothing lost'].passed
    assert 'class 3' in rules['nothing lost'].says


def test_better_overall_but_one_slice_lost_does_not_pass(figures: Figures) -> None:
    better = improved(figures, 110)
    challenger = better.challenger.copy()
    challenger[:300] = figures.champion[:300]
    challenger[np.flatnonzero(figures.champion[:300])[:10]] = False
    rules = {rule.name: rule for rule in judge(replace(better, challenger=challenger))}
    assert 'slice small loses 3.3%' in rules['nothing lost'].says


def test_a_challenger_that_is_slower_or_larger_does_not_pass(figures: Figures) -> None:
    better = improved(figures, 60)
    assert broken(replace(better, milliseconds=(1.0, 1.3))) == {'latency'}
    assert broken(replace(better, bytes=(400_000, 500_000))) == {'size'}
    assert broken(replace(better, milliseconds=(1.0, 1.1), bytes=(400_000, 410_000))) == set()


def test_a_broken_golden_image_does_not_pass(figures: Figures) -> None:
    assert broken(replace(improved(figures, 60), golden=['3-photo.jpg is read as 8'])) == {'golden'}


def test_the_chance_is_that_of_the_exact_test() -> None:
    stats = pytest.importorskip('scipy.stats')
    for won, lost in ((0, 0), (5, 0), (4, 1), (30, 12), (12, 30)):
        expected = stats.binomtest(won, won + lost, alternative='greater').pvalue if won + lost else 1
        assert chance(won, lost) == pytest.approx(expected)


def test_equal_models_pass_no_more_often_than_the_level_says() -> None:
    """Of 300 challengers that differ from the champion by chance alone."""
    passed = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        champion, challenger = rng.random((2, 300)) < 0.9
        figures = Figures(champion, challenger, {}, np.arange(300), (1, 1), (1, 1), [])
        passed += next(rule for rule in judge(figures) if rule.name == 'better').passed
    assert passed <= 0.08 * 300


def test_the_interval_holds_the_gain(figures: Figures) -> None:
    better = improved(figures, 60)
    low, high = interval(better)
    assert low < net_by_source(better).sum() / PICTURES < high


def test_golden_images_of_the_shipped_model_are_as_they_have_to_be(tmp_path: Path) -> None:
    reader = open_reader(SHIPPED)
    assert golden_faults((SHIPPED, SHIPPED), reader) == []
    about = json.loads((SHIPPED / 'model.json').read_text(encoding='utf-8'))
    about['golden'][0]['predictions'][0]['label'] = '9'
    about['golden'][1]['predictions'][0]['score'] = 0.5
    (tmp_path / 'model.json').write_text(json.dumps(about), encoding='utf-8')
    (tmp_path / 'golden').symlink_to(SHIPPED / 'golden')
    faults = golden_faults((SHIPPED, tmp_path), reader)
    assert len(faults) == 2
    assert 'is read as 0, not 9' in faults[0]


def test_slices_are_the_same_for_every_model() -> None:
    bank = training_bank(3)
    one, two = ({k: v.tobytes() for k, v in scan_slices(bank, 2).items()} for _ in range(2))
    assert one == two
    assert one.keys() == {'plain', 'small', 'rotated', 'noisy', 'augmented'}


def test_the_base_hold_out_is_the_same_whatever_the_seed_of_a_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('stages.hold_out.read_accepted', lambda settings: [])
    one, other = (hold_out(Settings(work=Path(), seed=seed)) for seed in (7, 8))
    assert [image.tobytes() for image in one.images] == [image.tobytes() for image in other.images]
    assert (one.labels == other.labels).all()


def test_the_verdict_says_why_in_two_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shipped model against itself: the gate refuses it, as nothing is better."""
    digits = captured_digits(40)
    labels = np.array([label for _, label in digits])
    pictures = HoldOut([image for image, _ in digits], labels, np.full(40, 'captured'), np.arange(40))
    monkeypatch.setattr('stages.evaluate.hold_out', lambda settings: pictures)
    settings = Settings(work=tmp_path)
    settings.challenger.symlink_to(SHIPPED)
    with pytest.raises(Refusal, match='better'):
        evaluate_challenger(settings)
    verdict = json.loads((settings.verdict / 'verdict.json').read_text(encoding='utf-8'))
    assert verdict['passed'] is False
    assert verdict['champion'] == verdict['challenger']
    assert (settings.verdict / 'verdict.md').read_text(encoding='utf-8') == as_markdown(verdict)
    assert '| better | **broken** |' in as_markdown(verdict)
    wrong = sum(map(sum, verdict['confusion_matrix'])) - sum(
        row[digit] for digit, row in enumerate(verdict['confusion_matrix'])
    )
    assert len(list((settings.verdict / 'failures').glob('*.png'))) == min(40, wrong)


def test_without_a_challenger_it_says_which_stage_is_missing(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match='run `loop'):
        evaluate_challenger(Settings(work=tmp_path))
