"""`python -m bench.devices LOOP …`: each loop is a module here with `main(arguments) -> status`."""

import importlib
import sys
from pathlib import Path

LOOPS = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_"))

if len(sys.argv) < 2 or sys.argv[1] not in LOOPS:
    sys.exit(f"usage: python -m bench.devices LOOP [--help]; loops: {', '.join(LOOPS)}")
sys.exit(importlib.import_module(f"bench.devices.{sys.argv[1]}").main(sys.argv[2:]))
