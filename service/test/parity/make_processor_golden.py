"""
Writes ../fixtures/processor-golden.json: what transformers' image processors make of one image, to hold model/derive/hugging-face to.
pip install transformers==4.57.1 pillow==12.3.0 numpy; python make_processor_golden.py; npm run format
"""

import json
from pathlib import Path

import numpy as np
import transformers
from PIL import Image

WIDTH, HEIGHT = 203, 97
SAMPLES = 12
DEFAULTS = (
    "ViT DeiT Beit ConvNext MobileNetV1 MobileNetV2 MobileViT EfficientNet Levit PoolFormer Bit CLIP Siglip Blip Flava "
    "Segformer Pvt DPT Detr ConditionalDetr Yolos RTDetr"
).split()
OTHERS = [
    ("ConvNext", {"size": {"shortest_edge": 224}, "resample": 3}),
    ("EfficientNet", {"rescale_offset": True, "rescale_factor": 1 / 127.5, "do_center_crop": True}),
    ("PoolFormer", {"size": {"height": 224, "width": 224}, "crop_pct": 0.95}),
    ("Yolos", {"size": {"shortest_edge": 512, "longest_edge": 864}}),
    ("Bit", {"size": {"shortest_edge": 256}, "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}),
    ("ViT", {"do_normalize": False, "do_rescale": False, "size": {"height": 60, "width": 100}}),
    ("CLIP", {"size": {"shortest_edge": 100}, "crop_size": {"height": 131, "width": 128}}),
]


def picture():
    y, x, c = np.mgrid[0:HEIGHT, 0:WIDTH, 0:3]
    return Image.fromarray(((x * 7 + y * 13 + c * 50 + (x * y) % 31) % 256).astype(np.uint8))


def golden(name, given):
    processor = getattr(transformers, f"{name}ImageProcessor")(**given)
    tensor = np.asarray(processor(images=picture(), return_tensors="np")["pixel_values"])[0]
    values = tensor.ravel()
    at = [int(k * 7919 * 31 % values.size) for k in range(1, SAMPLES + 1)]
    _, height, width = tensor.shape
    return {
        "processor": {"image_processor_type": f"{name}ImageProcessor", **given},
        "width": width,
        "height": height,
        "values": {str(index): float(np.float32(values[index])) for index in at},
    }


if __name__ == "__main__":
    cases = [golden(name, given) for name, given in [*((name, {}) for name in DEFAULTS), *OTHERS]]
    lines = ",\n".join(json.dumps(case) for case in cases)
    (Path(__file__).parent.parent / "fixtures/processor-golden.json").write_text(f"[\n{lines}\n]\n")
