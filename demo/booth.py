"""`booth run` with a witness: the SHA-256 of each portrait is noted at the moment it is sealed.

The booth itself never writes it: after the commit nothing there knows the picture. The demo compares it with what the
administration gets.
"""

import asyncio
import hashlib
import logging
import sys
from pathlib import Path

from edge import start
from edge.config import load
from edge.deposit import Photo, Sealed, Sealer, Slot

WITNESS = Path("sealed.txt")


class WitnessedSealer(Sealer):
    def seal(self, slot: Slot, photo: Photo) -> Sealed:
        WITNESS.write_text(hashlib.sha256(photo.portrait_jpeg).hexdigest())
        return super().seal(slot, photo)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    asyncio.run(start.run(load(Path(sys.argv[-1])), sealing=WitnessedSealer))
