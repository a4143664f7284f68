# Everything a newcomer needs: `make demo` and `make test`. Each sets itself up in .venv and says what it does.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ONCE   ?=
BROKER ?=

.PHONY: demo test rig rig-drivers rig-contract rig-visit rig-coins rig-loops rig-cuts setup check lock clean

demo: $(VENV)/.demo-ready
	@$(BIN)/python -m demo $(if $(ONCE),--once) $(if $(BROKER),--broker $(BROKER))

test: $(VENV)/.dev-ready check
	@$(BIN)/python -m pytest -n auto --dist worksteal

# The real drivers in a virtual machine whose kernel simulates the devices, the daemon there under systemd for a visit, some
# rounds of each loop of bench/devices, then power cuts during visits (docs/rig.md). Three machines at a time.
CUTS   ?= 5
ROUNDS ?= 5
RIG    := $(BIN)/python -m tests.rig run
rig: $(VENV)/.dev-ready
	@$(BIN)/python -m tests.rig build
	@$(MAKE) --no-print-directory -j 3 --output-sync=line rig-cuts rig-drivers rig-contract rig-visit rig-coins rig-loops
	@echo "==> the rig: all passed"

rig-drivers:
	@echo "==> the drivers' own tests on the kernel's devices"
	@$(RIG) --no-systemd --limit 1800 python -m pytest -q -p no:cacheprovider tests/devices tests/camera/test_libraries.py

rig-contract:
	@echo "==> the drivers by the simulators' contract"
	@$(RIG) --no-systemd --limit 1800 python -m pytest -q -p no:cacheprovider tests/contract -k "kernel or usb"

rig-visit:
	@echo "==> the daemon under systemd for a visit"
	@$(RIG) --limit 900 python -m tests.rig.visit

rig-coins:
	@echo "==> $(ROUNDS) rounds of coins"
	@$(RIG) --no-systemd --limit 900 python -m bench.devices coins --rounds $(ROUNDS)

rig-loops:
	@echo "==> $(ROUNDS) rounds of each other device's loop"
	@$(RIG) --no-systemd --limit 900 'set -e; for it in pen printer camera; do echo "==> $$it"; python -m bench.devices $$it --rounds $(ROUNDS); done'

rig-cuts:
	@echo "==> $(CUTS) power cuts during visits"
	@$(BIN)/python -m tests.rig.powercut --cuts $(CUTS)

check: $(VENV)/.dev-ready
	@echo "==> style, types, arrows of the map"
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports --no-logo

setup: $(VENV)/.dev-ready

SETUP  := pyproject.toml provisioning/setup.sh provisioning/models.txt provisioning/fetch_models.py

$(VENV)/.demo-ready: requirements/demo.txt $(SETUP)
	@PYTHON=$(PYTHON) sh provisioning/setup.sh $(VENV) demo

$(VENV)/.dev-ready: requirements/dev.txt $(SETUP)
	@PYTHON=$(PYTHON) sh provisioning/setup.sh $(VENV) dev

# Locks the requirements for every platform and Python we run on; needs network and uv (in .venv only while locking).
lock:
	@sh provisioning/lock.sh $(VENV)

clean:
	rm -rf $(VENV) .demo dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
