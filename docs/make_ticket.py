"""Makes docs/pictures/ticket.png, the sample ticket that README shows: `python docs/make_ticket.py [OUT.png]`.

The picture is the demo's, the signature the simulated pen's; the code is right in form and was never issued.
"""

import sys
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edge import code
from edge.fields import Box
from edge.judge import load_models
from edge.picture import read_picture
from edge.portrait import Judge
from edge.signature import draw, strokes_in
from edge.ticket import Change, Ticket, draw_ticket
from hw.cabin import PenSample
from hw.sim.pen import recorded

HERE = Path(__file__).parent
PICTURE = HERE.parent / "demo" / "pictures" / "good.jpg"


def sample() -> Ticket:
    return Ticket(
        code=code.make(lambda count: bytes(range(0x53, 0x53 + count))),
        visit="7K3QZ8M2XT",
        service="driving_licence",
        service_fr="Permis de conduire",
        service_en="Driving licence",
        price_cents=600,
        issued_on=date(2026, 11, 23),
        expires_on=date(2027, 5, 23),
        booth="demo-0001",
        place="Gare de Lyon, hall 1, 75012 Paris",
        hotline="01 99 00 12 34",  # a number kept free for fiction (ARCEP)
        status_url="https://cabines.example/visite/",
        change=Change("4HX9TQ2M", 400),
        portrait=portrait(),
        signature=signature(),
    )


def portrait() -> NDArray[np.uint8]:
    rgb, judge = read_picture(PICTURE), Judge(load_models())
    return judge.portrait(rgb, judge.look(rgb))


def signature() -> NDArray[np.uint8]:
    wide_mm, high_mm, strokes = recorded()
    samples = []
    for stroke in strokes:
        samples += [PenSample(x, y, pressure, int(t * 1e9), contact=True) for x, y, t, pressure in stroke]
        x, y, t, _ = stroke[-1]
        samples.append(PenSample(x, y, 0.0, int(t * 1e9) + 5_000_000, contact=False))
    return draw(strokes_in(samples, Box(0, 0, wide_mm, high_mm)))


if __name__ == "__main__":
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "pictures" / "ticket.png"
    out.parent.mkdir(parents=True, exist_ok=True)
    dots = draw_ticket(sample())
    Image.fromarray(~dots).save(out, optimize=True, dpi=(203, 203))
    print(f"{out}: {dots.shape[1]} × {dots.shape[0]} dots, {dots.shape[0] / 8:.0f} mm of paper")
