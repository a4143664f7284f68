"""Stands in for Raspberry Pi OS's python3-kms++, which picamera2 imports for its DRM preview only."""


class _Any:
    def __getattr__(self, name: str) -> str:
        return name


PixelFormat = _Any()
