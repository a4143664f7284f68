"""Draws the pen pad's standard overlay: docs/pictures/overlay.png, ten pixels a millimetre.

python docs/make_overlay.py
"""

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from edge.fields import overlay
from edge.texts import Texts
from hw.sim.cabin import PAD_MM

ROOT = Path(__file__).parent.parent
PX = 10
SERVICES = {"driving_licence": "Permis de conduire", "residence_permit": "Titre de séjour"}


def main() -> None:
    say = Texts("fr")
    font = ImageFont.truetype(str(ROOT / "edge/fonts/DejaVuSans.ttf"), 3 * PX)
    sheet = Image.new("RGB", (int(PAD_MM[0] * PX), int(PAD_MM[1] * PX)), "white")
    draw = ImageDraw.Draw(sheet)
    for name, box in overlay(list(SERVICES), *PAD_MM).items():
        left, top = box.x_mm * PX, box.y_mm * PX
        right, bottom = left + box.width_mm * PX, top + box.height_mm * PX
        draw.rounded_rectangle((left, top, right, bottom), 2 * PX, outline="#334", width=4)
        service = SERVICES.get(name.removeprefix("service."))
        words = service if service else say(f"visit.field.{name}")
        draw.text(((left + right) / 2, (top + bottom) / 2), words, "#334", font, anchor="mm", align="center")
    sheet.save(ROOT / "docs/pictures/overlay.png", optimize=True)


if __name__ == "__main__":
    main()
