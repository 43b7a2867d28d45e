"""From the bytes of an image to a network's input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor


@dataclass(frozen=True)
class ImageInput:
    """How a network wants its images.

    Attributes:
        resolution: width and height in pixels; other shapes are resized to it, bicubic.
        mean: taken off the 0–255 values of each channel, in the network's channel order.
        scale: what is left is divided by it, one number or one a channel.
        reverse: whether the network wants blue, green, red.
    """

    resolution: int
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    reverse: bool = False

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> ImageInput:
        """Read it from a builder's settings (`resolution`, `mean`, `scale` or `std` of 0–1, `channel_order`)."""
        mean, scale = _triple(settings.get("mean", 127.0)), _triple(settings.get("scale", 128.0))
        if "std" in settings:
            mean = tuple(255 * each for each in mean)
            scale = tuple(255 * each for each in _triple(settings["std"]))
        return cls(int(settings["resolution"]), mean, scale, settings.get("channel_order", "rgb") == "bgr")

    def pixels(self, items: Sequence[bytes]) -> NDArray[np.uint8]:
        """Decode and resize images to (n, resolution, resolution, 3), red, green, blue."""
        from PIL import Image

        size = (self.resolution, self.resolution)
        stacked = np.empty((len(items), *size, 3), np.uint8)
        for row, item in enumerate(items):
            with Image.open(BytesIO(item)) as image:
                colour = _in_8_bits(image).convert("RGB")
            stacked[row] = np.asarray(colour if colour.size == size else colour.resize(size, Image.Resampling.BICUBIC))
        return stacked

    def array(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Normalise pixels to (n, 3, resolution, resolution) floats."""
        ordered = pixels[..., ::-1] if self.reverse else pixels
        mean, scale = np.array(self.mean, np.float32), np.array(self.scale, np.float32)
        scaled = (ordered.astype(np.float32) - mean) / scale
        return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))

    def tensor(self, pixels: NDArray[np.uint8]) -> Tensor:
        """Normalise pixels to an (n, 3, resolution, resolution) float tensor."""
        import torch

        return torch.from_numpy(self.array(pixels))

    def prepare(self, items: Sequence[bytes]) -> Tensor:
        """Decode, resize and normalise."""
        return self.tensor(self.pixels(items))


def _in_8_bits(image: Image.Image) -> Image.Image:
    """Greys of 16 bits by their upper eight, as colours of 16 are read: Pillow would leave all above 255 white."""
    from PIL import Image

    if not image.mode.startswith("I;16"):
        return image
    return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))


def _triple(value: Any) -> tuple[float, ...]:
    return tuple(float(each) for each in value) if isinstance(value, (list, tuple)) else (float(value),) * 3
