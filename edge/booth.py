"""What every part of the daemon is given: cabin, ledger, guide, judge, clock. Holds them and does nothing."""

from dataclasses import dataclass

from hw.cabin import Cabin
from hw.host import HostReader

from .clock import Clock
from .config import Config
from .fields import Rectangle, overlay
from .gate import Gate
from .guide import Guide
from .inputs import Inputs
from .ledger import Ledger
from .picture import Judging


@dataclass
class Booth:
    config: Config
    cabin: Cabin
    ledger: Ledger
    guide: Guide
    judge: Judging
    clock: Clock
    gate: Gate
    inputs: Inputs
    host: HostReader | None = None
    """The machine; None where nothing is to be known of it."""
    wants_coins: bool = False
    """Whether the visit of the moment (or the open door) takes coins; the gate has the last word."""

    @property
    def fields(self) -> dict[str, Rectangle]:
        pen = self.cabin.pen
        return overlay([s.id for s in self.config.services], pen.width_mm, pen.height_mm, self.config.fields)

    def service_name(self, id: str, language: str) -> str:
        service = self.config.service(id)
        return id if service is None else (service.name_en if language == "en" else service.name_fr)
