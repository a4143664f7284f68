"""Makes demo/pictures/ from a folder of portraits: the person laid on a plain wall, and shots that break the norm.

Run once by hand: python -m demo.make_pictures FACES. The pictures made are kept in the project; the folder is not.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from bench.norm_made import LIGHT_BLUE, LIGHT_GREY, cut_person, lay
from edge.judge import load_models
from edge.picture import read_picture
from edge.portrait.networks import Networks
from edge.portrait.pixels import RGB

PICTURES = Path(__file__).with_name("pictures")
CUSTOMER, SMILING, OTHER = "o185", "o028", "o295"


def turned(rgb: RGB, degrees: float) -> RGB:
    """The picture turned about its middle, clockwise as seen, cut where the body would end in the air."""
    fill = tuple(int(each) for each in rgb[4, 4])
    whole = Image.fromarray(rgb).rotate(-degrees, Image.Resampling.BICUBIC, fillcolor=fill)
    aside = round(whole.width / 2 * abs(float(np.sin(np.radians(degrees)))))
    return np.asarray(whole.crop((aside // 2, 0, whole.width - aside // 2, whole.height - aside)))


def darker(rgb: RGB, stops: float) -> RGB:
    """Less light by so many stops (in linear light, by the power law of the display)."""
    return np.asarray((255 * ((rgb / 255.0) ** 2.2 * 2.0**-stops) ** (1 / 2.2)).round().astype(np.uint8))


def main(faces: Path) -> int:
    """Writes all pictures; 0."""
    networks = Networks(load_models())

    def cut(name: str, colour: tuple[int, int, int]) -> RGB:
        person = cut_person(read_picture(faces / f"{name}.jpg"), networks)
        assert person is not None, name
        return lay(person, colour)

    good, other = cut(CUSTOMER, LIGHT_GREY), cut(OTHER, LIGHT_BLUE)
    made = {
        "good": good,
        "good-2": other,
        "bad-dark-tilted": darker(turned(good, 11), 2.2),
        "bad-smile": cut(SMILING, LIGHT_GREY),
    }
    small = [np.asarray(Image.fromarray(each).resize((480, 600))) for each in (good, other)]
    made["two-faces"] = np.concatenate(small, axis=1)
    made["empty"] = np.full((600, 480, 3), LIGHT_GREY, np.uint8)
    PICTURES.mkdir(exist_ok=True)
    for name, rgb in made.items():
        Image.fromarray(rgb).save(PICTURES / f"{name}.jpg", quality=93)
        print(f"{name}.jpg  {rgb.shape[1]} × {rgb.shape[0]}")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
