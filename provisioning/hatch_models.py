"""Build hook: a wheel of the booth carries the face models, so that no booth ever fetches one. Never downloads."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ModelsHook(BuildHookInterface):  # type: ignore[type-arg]
    """Refuses to build a wheel without the models (an editable install may come first)."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        models = Path(self.root) / "edge" / "portrait" / "models"
        if version != "editable" and not list(models.glob("*.tflite")):
            raise FileNotFoundError(f"no face models in {models}; run: python provisioning/fetch_models.py")
