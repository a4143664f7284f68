# Everything a newcomer needs: `make demo` and `make test`. Each sets itself up in .venv and says what it does.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ONCE   ?=
BROKER ?=

.PHONY: demo test rig setup check lock clean

demo: $(VENV)/.demo-ready
	@$(BIN)/python -m demo $(if $(ONCE),--once) $(if $(BROKER),--broker $(BROKER))

test: $(VENV)/.dev-ready check
	@$(BIN)/python -m pytest

# The real drivers in a virtual machine whose kernel simulates the devices, then power cuts during visits (docs/rig.md).
CUTS   ?= 5
rig: $(VENV)/.dev-ready
	@$(BIN)/python -m tests.rig run --no-systemd --limit 1800 python -m pytest -q -p no:cacheprovider \
	  tests/devices tests/camera/test_libraries.py tests/contract/test_coins.py tests/contract/test_pen.py \
	  tests/contract/test_lights_and_panel.py tests/contract/test_camera.py -k "kernel or libraries or gpio"
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
