"""The booth's report of itself: flat, numbers with units in their names, nothing of any person.

Sent every minute and on change. Its heart is the gate's table, where `unknown` is said as null, never as well; what the
machine does not know of itself (hw/host.py) is left out.
"""

import json
import os
import resource
import shutil
from pathlib import Path
from typing import Any

from . import __version__
from .booth import Booth
from .config import Config
from .uplink.uplink import Uplink


def health(booth: Booth, uplink: Uplink, started_boottime_s: float) -> dict[str, Any]:
    """One report; the uplink adds id, ts, boot and seq."""
    outbox = booth.ledger.outbox.stats()
    totals = booth.ledger.counters()
    return {
        "version": __version__,
        "place": booth.config.booth.place,
        **booth.gate.flat(booth.clock.now()),
        "uptime_s": round(booth.clock.boottime_s() - started_boottime_s),
        "memory_max_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "disk_free_mb": disk_free_mb(booth),
        "outbox_items": outbox["items"],
        "outbox_quarantined": outbox["quarantined"],
        "outbox_bytes": outbox["bytes"],
        "uplink_online": uplink.online,
        "coins_cents": totals.coins_cents,
        "credit_cents": totals.credit_cents,
        "unclear_coins": totals.unclear_coins,
        **(booth.host.read().flat() if booth.host is not None else {}),
    }


def disk_free_mb(booth: Booth) -> int:
    return shutil.disk_usage(booth.config.booth.state_dir).free // 1_000_000


def kept_at(config: Config) -> Path:
    """Where the last report is found by whoever asks, with systemd's environment or without it: beside the ledger."""
    return Path(config.booth.state_dir) / "health.json"


def keep(booth: Booth, report: dict[str, Any]) -> None:
    """Lays the report down, whole or not at all.

    Under systemd (RUNTIME_DIRECTORY) it lies in memory, so that no card is worn each minute; a link leads there.
    """
    found = kept_at(booth.config)
    path = Path(os.environ.get("RUNTIME_DIRECTORY", found.parent)) / found.name
    new = path.with_suffix(".new")
    new.write_text(json.dumps({"at": booth.clock.now().isoformat(timespec="seconds"), **report}))
    new.replace(path)
    if path != found and not (found.is_symlink() and found.readlink() == path):
        link = found.with_suffix(".new")
        link.unlink(missing_ok=True)
        link.symlink_to(path)
        link.replace(found)


def last_report(config: Config) -> dict[str, Any] | None:
    """What the booth said of itself last; None where it has said nothing yet, or nothing since it was ended."""
    try:
        report: dict[str, Any] = json.loads(kept_at(config).read_text())
    except (OSError, ValueError):
        return None
    return report
