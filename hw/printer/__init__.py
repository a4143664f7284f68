"""The ticket printer: ESC/POS over USB, a serial line or the network, with results that are true to the paper.

Must import no device library: the simulated cabin and `booth config check` use it without any.
"""

from hw.printer.driver import EscposPrinter
from hw.printer.transport import ByteTransport

__all__ = ["ByteTransport", "EscposPrinter"]
