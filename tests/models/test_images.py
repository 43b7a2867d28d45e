"""From the bytes of an image to a network's input."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from effkit.models.images import ImageInput


def test_greys_of_16_bits_keep_their_shades() -> None:
    shades = np.array([[0, 0x4000], [0x8000, 0xFFFF]], dtype="<u2")
    stream = io.BytesIO()
    Image.frombytes("I;16", (2, 2), shades.tobytes()).save(stream, format="PNG")
    (pixels,) = ImageInput(resolution=2, mean=(0.0,) * 3, scale=(1.0,) * 3).pixels([stream.getvalue()])
    assert pixels[..., 0].tolist() == [[0, 64], [128, 255]]
    assert (pixels == pixels[..., :1]).all(), "grey"
