"""What the simulated cabin's drivers call themselves in health and `booth status`."""

from hw.coins import PulseTable


def labels(table: PulseTable) -> dict[str, str]:
    """Driver names by device."""
    return {
        "camera": "simulated",
        "lights": "simulated",
        "coins": f"pulses, {table.name}, simulated lines",
        "pen": "simulated",
        "printer": "ESC/POS, simulated transport",
        "panel": "simulated",
    }
