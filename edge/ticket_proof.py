"""The portrait and the signature as thermal paper can show them: proofs, not the pictures that are filed. Pure.

A thermal head prints round dots that are wider than their place, so paper is darker than its dots count; and it has
one ink. The tone curve answers the first, error diffusion the second.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from edge.ticket_blocks import Bits

PORTRAIT_WIDTH_DOTS, PORTRAIT_HEIGHT_DOTS = 280, 360
"""35 × 45 mm at 8 dots per mm."""

# Round dots of 1.3 pitches, diffused: paper of white share w reflects w^1.45 (found by counting such dots).
_DOT_GAIN = 1.45
_SRGB = 2.2
_SKIN = 0.62  # where the median of the face should lie, 0 black … 1 white
_LIFT = (0.7, 1.15)  # gamma within which the face is moved there: dark skin stays dark, but is not lost
_RANGE = 0.5  # how much of the unused ends of the scale is given up
_LOCAL, _LOCAL_DOTS = 0.3, 25  # contrast against the surroundings, which paper takes away
_WOBBLE = 0.1  # of the threshold: breaks the worms that error diffusion draws in even areas


def portrait_proof(portrait: NDArray[np.uint8]) -> Bits:
    """A portrait (H × W × 3, sRGB, 35 : 45) as 360 × 280 dots. Takes about 0.15 s on a PC."""
    size = (PORTRAIT_WIDTH_DOTS, PORTRAIT_HEIGHT_DOTS)
    small = Image.fromarray(portrait).convert("L").resize(size, Image.Resampling.LANCZOS)
    return _diffused(_toned(np.asarray(small) / 255) ** (_SRGB / _DOT_GAIN))


def _toned(grey: NDArray[np.float64]) -> NDArray[np.float64]:
    """Levels by the face (it lies in the middle: edge/portrait frames it so), then contrast and edges."""
    black, white = np.percentile(grey[60:320, 50:230], [1, 99])
    black, white = black * _RANGE, 1 - (1 - white) * _RANGE
    tone = np.clip((grey - black) / max(white - black, 0.05), 0, 1)
    skin = float(np.clip(np.median(tone[110:270, 80:200]), 0.05, 0.95))
    tone = tone ** np.clip(np.log(_SKIN) / np.log(skin), *_LIFT)
    around = np.asarray(_image(tone).filter(ImageFilter.GaussianBlur(_LOCAL_DOTS))) / 255
    tone = np.clip(tone + _LOCAL * (tone - around), 0, 1)
    sharp: NDArray[np.float64] = np.asarray(_image(tone).filter(ImageFilter.UnsharpMask(1.0, 100, 0))) / 255
    return sharp


def _image(tone: NDArray[np.float64]) -> Image.Image:
    return Image.fromarray((tone * 255).round().astype(np.uint8))


def _diffused(white: NDArray[np.float64]) -> Bits:
    """Floyd–Steinberg, every second row from right to left, about a threshold that wobbles alike each time."""
    height, width = white.shape
    thresholds = _WOBBLE * (2 * np.random.default_rng(0).random(white.shape) - 1) + 0.5
    rows = np.pad(white, ((0, 1), (1, 1)))
    black = np.zeros((height, width), np.bool_)
    below: list[float] = rows[0].tolist()  # plain numbers, one row at a time: quicker than numpy, and small
    for y in range(height):
        row, below, threshold = below, rows[y + 1].tolist(), thresholds[y].tolist()
        ahead = 1 if y % 2 == 0 else -1
        for x in range(1, width + 1)[::ahead]:
            dark = row[x] < threshold[x - 1]
            black[y, x - 1] = dark
            error = row[x] if dark else row[x] - 1
            row[x + ahead] += error * 7 / 16
            below[x - ahead] += error * 3 / 16
            below[x] += error * 5 / 16
            below[x + ahead] += error / 16
    return black


def signature_proof(signature: NDArray[np.uint8], width_dots: int, height_dots: int) -> Bits:
    """A signature (H × W grey, 0 black) fitted into the given place, its ink never thinner than it was."""
    scale = min(width_dots / signature.shape[1], height_dots / signature.shape[0])
    size = (max(1, int(signature.shape[1] * scale)), max(1, int(signature.shape[0] * scale)))
    ink: Bits = np.asarray(Image.fromarray(signature).resize(size, Image.Resampling.BOX)) < 150
    spare_x, spare_y = width_dots - size[0], height_dots - size[1]
    return np.pad(ink, ((spare_y // 2, spare_y - spare_y // 2), (spare_x // 2, spare_x - spare_x // 2)))
