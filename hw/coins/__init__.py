"""Coin acceptors: tables of how they speak, the pure decoder, and the acceptor that drives it over lines."""

from hw.coins.acceptor import DELIVERY_S, CoinLines, CoinListener, PulseAcceptor
from hw.coins.decoder import MS, PulseDecoder
from hw.coins.tables import DG600F, MODELS, PulseTable

__all__ = [
    "DELIVERY_S",
    "DG600F",
    "MODELS",
    "MS",
    "CoinLines",
    "CoinListener",
    "PulseAcceptor",
    "PulseDecoder",
    "PulseTable",
]
