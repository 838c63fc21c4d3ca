"""Figures on digits that no scan gave: typed in fonts and drawn with a mouse, in many sizes and colours.

An informal check, not an evaluation: `python training/drawn.py` prints the share read rightly. The
strokes are this file's own, apart from strokes.py; fonts come from Pillow and, where installed, DejaVu.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from evaluate import Reader
from preprocess import Preprocess

MODEL = Path(__file__).resolve().parent.parent / 'service' / 'models' / 'digits'
SIZES = (16, 28, 48, 64, 100, 200, 280, 512)
COLOURS = {
    'black on white': ((0, 0, 0), (255, 255, 255)),
    'white on black': ((255, 255, 255), (0, 0, 0)),
    'blue on yellow': ((20, 40, 170), (250, 235, 150)),
    'yellow on green': ((250, 240, 90), (10, 90, 50)),
    'red on white': ((220, 30, 30), (255, 255, 255)),
    'faint grey': ((120, 120, 120), (190, 190, 190)),
}
FONTS = ('DejaVuSans.ttf', 'DejaVuSans-Bold.ttf', 'DejaVuSerif.ttf', 'DejaVuSerif-Italic.ttf', 'DejaVuSansMono.ttf')

Points = list[tuple[float, float]]
MOUSE: dict[str, tuple[int, list[Points]]] = {
    '0': (0, [[(50, 8), (30, 18), (20, 45), (24, 75), (45, 93), (68, 84), (80, 52), (73, 22), (50, 8)]]),
    '0 open': (0, [[(58, 10), (36, 14), (24, 40), (25, 70), (42, 92), (66, 88), (78, 60), (74, 28), (52, 12)]]),
    '1 stem': (1, [[(50, 8), (50, 92)]]),
    '1 leaning': (1, [[(60, 8), (44, 92)]]),
    '1 flag': (1, [[(32, 30), (52, 8), (52, 92)]]),
    '1 foot': (1, [[(34, 24), (50, 9), (50, 92)], [(28, 92), (72, 92)]]),
    '2': (2, [[(24, 28), (35, 11), (58, 9), (73, 24), (68, 44), (44, 68), (22, 90), (78, 90)]]),
    '2 loop': (2, [[(28, 24), (46, 8), (68, 16), (70, 38), (50, 66), (28, 88), (20, 80), (32, 76), (56, 90), (80, 86)]]),
    '3': (3, [[(25, 16), (50, 8), (70, 20), (66, 38), (46, 47), (70, 58), (76, 76), (54, 92), (24, 86)]]),
    '3 flat': (3, [[(24, 10), (74, 10), (48, 42), (70, 52), (74, 76), (52, 92), (24, 84)]]),
    '4 open': (4, [[(32, 8), (24, 54), (76, 54)], [(64, 28), (62, 93)]]),
    '4 closed': (4, [[(66, 93), (66, 8), (18, 64), (84, 64)]]),
    '4 upright': (4, [[(28, 10), (26, 48), (72, 48)], [(72, 8), (72, 92)]]),
    '5': (5, [[(74, 9), (30, 9), (27, 44), (52, 40), (74, 54), (74, 78), (52, 92), (24, 86)]]),
    '5 two strokes': (5, [[(32, 10), (28, 46), (54, 42), (76, 60), (68, 86), (42, 93), (22, 84)], [(32, 10), (78, 8)]]),
    '6': (6, [[(66, 8), (42, 26), (27, 56), (30, 84), (52, 93), (73, 80), (68, 60), (48, 54), (30, 68)]]),
    '6 round': (6, [[(72, 18), (56, 8), (36, 18), (24, 50), (28, 80), (50, 93), (72, 82), (74, 62), (54, 48), (28, 60)]]),
    '7': (7, [[(22, 10), (78, 10), (42, 92)]]),
    '7 bar': (7, [[(22, 11), (76, 10), (44, 92)], [(36, 50), (72, 50)]]),
    '7 serif': (7, [[(22, 24), (22, 10), (78, 10), (56, 44), (46, 92)]]),
    '8': (8, [[(70, 18), (50, 7), (32, 20), (40, 42), (66, 60), (72, 80), (50, 93), (28, 80), (36, 58), (62, 40), (70, 18)]]),
    '8 rings': (8, [
        [(50, 8), (34, 18), (36, 40), (52, 47), (68, 38), (66, 16), (50, 8)],
        [(52, 47), (28, 60), (28, 84), (50, 93), (74, 84), (72, 58), (52, 47)],
    ]),
    '9': (9, [[(72, 22), (52, 8), (30, 22), (34, 46), (56, 50), (72, 26), (70, 60), (64, 92)]]),
    '9 hook': (9, [[(70, 20), (46, 8), (28, 28), (40, 48), (64, 44), (72, 18), (74, 60), (58, 90), (30, 88)]]),
}  # fmt: skip


def mouse_digits(size: int, ink: tuple, paper: tuple) -> Iterator[tuple[str, int, Image.Image]]:
    """Each mouse digit in thin, middling and thick pens, filling the frame or small in it, straight or turned."""
    for name, (digit, strokes) in MOUSE.items():
        for pen in (0.035, 0.07, 0.12):
            for zoom, turn in ((1.0, 0), (0.75, 10), (0.45, -12)):
                width = max(1, round(pen * size * zoom**0.5))
                image = Image.new('RGB', (size, size), paper)
                draw = ImageDraw.Draw(image)
                for stroke in strokes:
                    points = [_turned(point, zoom, turn, size) for point in stroke]
                    draw.line(points, fill=ink, width=width, joint='curve')
                    for x, y in points:
                        r = width / 2 - 0.5
                        draw.ellipse((x - r, y - r, x + r, y + r), fill=ink)
                yield f'mouse {name}', digit, image


def _turned(point: tuple[float, float], zoom: float, degrees: float, size: int) -> tuple[float, float]:
    a = np.radians(degrees)
    x, y = (np.array(point) / 100 - 0.5) * zoom
    return (
        float((x * np.cos(a) - y * np.sin(a) + 0.5) * size),
        float((x * np.sin(a) + y * np.cos(a) + 0.5) * size),
    )


def typed_digits(size: int, ink: tuple, paper: tuple) -> Iterator[tuple[str, int, Image.Image]]:
    """Each digit in each font at three heights, in the middle and off it."""
    for name in ('Pillow', *FONTS):
        for share in (0.5, 0.8, 1.1):
            font = _font(name, share * size)
            if font is None:
                continue
            for digit in range(10):
                for place in (0.5, 0.62) if share < 1 else (0.5,):
                    image = Image.new('RGB', (size, size), paper)
                    middle = (place * size, (1 - (place - 0.5)) * size / 2 if place > 0.5 else size / 2)
                    ImageDraw.Draw(image).text(middle, str(digit), fill=ink, font=font, anchor='mm')
                    yield f'font {name}', digit, image


def _font(name: str, size: float) -> ImageFont.FreeTypeFont | None:
    try:
        return ImageFont.load_default(size) if name == 'Pillow' else ImageFont.truetype(name, size)
    except OSError:
        return None


def worn(image: Image.Image) -> Image.Image:
    """The picture with light falling off to one corner, a little blur and noise."""
    h, w = image.height, image.width
    levels = np.asarray(image.filter(ImageFilter.GaussianBlur(0.012 * h)), np.float32)
    light = np.linspace(1, 0.75, w)[None, :, None] * np.linspace(1, 0.7, h)[:, None, None]
    noise = np.random.default_rng(0).normal(0, 8, levels.shape)
    return Image.fromarray(np.clip(levels * light + noise, 0, 255).astype(np.uint8))


def main() -> None:
    """Prints the share read rightly by size, by colours and by kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--model', type=Path, default=MODEL)
    folder = parser.parse_args().model
    reader = Reader(folder / 'model.onnx', Preprocess.from_manifest(folder / 'model.json'))
    tally: dict[str, list[bool]] = defaultdict(list)
    wrong: dict[str, int] = defaultdict(int)
    for size in SIZES:
        for colours, (ink, paper) in COLOURS.items():
            for source, make in (('mouse', mouse_digits), ('font', typed_digits)):
                items = list(make(size, ink, paper))
                for wear in ('clean', 'worn'):
                    images = [image if wear == 'clean' else worn(image) for _, _, image in items]
                    read = reader.scores(images).argmax(axis=1)
                    for (name, digit, _), answer in zip(items, read, strict=True):
                        right = bool(answer == digit)
                        for key in (f'{source} {wear}', f'{source} size {size}', f'{source} {colours}', name):
                            tally[key].append(right)
                        if not right:
                            wrong[f'{name}: {digit} read as {answer}'] += 1
    for key in sorted(tally):
        print(f'{key:32s} {np.mean(tally[key]):.4f} of {len(tally[key])}')
    print('most often wrong:', sorted(wrong.items(), key=lambda item: -item[1])[:25])


if __name__ == '__main__':
    main()
