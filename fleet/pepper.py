"""HMAC(pepper, code): the only form in which the fleet keeps a code. Peppers live in files, never in the database."""

import hashlib
import hmac
from dataclasses import dataclass
from pathlib import Path


class PepperError(Exception):
    """A pepper file that cannot be used. Names the file, never its content."""


@dataclass(frozen=True)
class Pepper:
    id: str
    key: bytes

    @classmethod
    def from_file(cls, path: Path) -> "Pepper":
        """From a file of 64 hex digits (32 random bytes). Its id is a hash that gives nothing of it away."""
        try:
            key = bytes.fromhex(path.read_text("ascii").strip())
        except OSError as error:
            raise PepperError(f"{path}: cannot be read ({error.strerror})") from None
        except ValueError:
            raise PepperError(f"{path}: a pepper is 64 hex digits, this is something else") from None
        if len(key) != 32:
            raise PepperError(f"{path}: a pepper is 64 hex digits, this has {2 * len(key)}")
        return cls(hashlib.sha256(b"pepper id" + key).hexdigest()[:16], key)

    def mark(self, code: str) -> bytes:
        """What stands in the row for `code` (its one spelling): 32 bytes."""
        return hmac.new(self.key, code.encode(), hashlib.sha256).digest()


@dataclass(frozen=True)
class Peppers:
    """The first one marks new rows; older ones still match the rows that name them."""

    all: tuple[Pepper, ...]

    @property
    def current(self) -> Pepper:
        return self.all[0]

    def marks(self, code: str) -> list[bytes]:
        return [pepper.mark(code) for pepper in self.all]
