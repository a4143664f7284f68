"""The booth's configuration: one TOML file, checked whole at the start, every fault named with key, value and remedy.

The keys, their units and their limits are the structs below; docs/config.md explains them to a technician.
"""

import tomllib
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from hw import settings
from hw.settings import Strict

from .clock import ClockSource
from .messages import BoothId

DEFAULT_CONFIG = Path("/etc/booth/booth.toml")

Text = Annotated[str, Meta(min_length=1, max_length=80)]
Seconds = Annotated[float, Meta(gt=0, le=3600)]
Mm = Annotated[float, Meta(ge=0, le=500)]


class Booth(Strict, frozen=True, kw_only=True):
    id: BoothId
    place: Text
    hotline: Text
    state_dir: Annotated[str, Meta(description="folder of the ledger; must exist and be writable")]
    operator: Text = "ePhoto"
    status_url: Annotated[str, Meta(pattern="^https?://", max_length=190)] | None = None
    clock: ClockSource = "timesync"


class Keys(Strict, frozen=True, kw_only=True):
    identity: str
    vault: str
    index: str
    fleet: str


class Broker(Strict, frozen=True, kw_only=True):
    url: Annotated[str, Meta(pattern=r"^mqtts?://[^/:\s]+(:\d{1,5})?/?$")]
    ca: str | None = None
    certificate: str | None = None
    key: str | None = None


class Service(Strict, frozen=True, kw_only=True):
    id: Annotated[str, Meta(pattern="^[a-z][a-z0-9_]{1,30}$")]
    price_cents: Annotated[int, Meta(ge=0, le=10_000)]
    name_fr: Text
    name_en: Text


class Visit(Strict, frozen=True, kw_only=True):
    idle_s: Annotated[float, Meta(ge=5, le=600, description="without input the visit ends after this")] = 60.0
    rounds: Annotated[int, Meta(ge=1, le=10, description="rounds of three shots that the price covers")] = 2
    guidance_s: Annotated[float, Meta(ge=1, le=120, description="then the shot is taken as it is")] = 25.0
    result_s: Annotated[float, Meta(ge=1, le=60, description="how long a refused shot's reasons stay")] = 8.0
    printer_back_s: Annotated[float, Meta(ge=1, le=600, description="wait for the printer before the commit")] = 90.0
    thanks_s: Seconds = 6.0


class Gate(Strict, frozen=True, kw_only=True):
    """Below these the booth takes no money."""

    disk_free_mb: Annotated[int, Meta(ge=10, le=100_000)] = 200
    outbox_mb: Annotated[int, Meta(ge=1, le=100_000)] = 500


class Field(Strict, frozen=True, kw_only=True):
    x_mm: Mm
    y_mm: Mm
    width_mm: Annotated[float, Meta(ge=5, le=500)]
    height_mm: Annotated[float, Meta(ge=5, le=500)]


class Config(Strict, frozen=True, kw_only=True):
    booth: Booth
    keys: Keys
    broker: Broker
    cabin: settings.Cabin
    services: Annotated[list[Service], Meta(min_length=1, max_length=8)]
    visit: Visit = Visit()
    gate: Gate = Gate()
    fields: dict[str, Field] = msgspec.field(default_factory=dict)

    def service(self, id: str | None) -> Service | None:
        return next((service for service in self.services if service.id == id), None)


@dataclass(frozen=True)
class Fault:
    key: str
    value: str
    problem: str

    def __str__(self) -> str:
        return f"{self.key} = {self.value}: {self.problem}" if self.value else f"{self.key}: {self.problem}"


class BadConfig(Exception):
    """The file cannot be used; `faults` has every reason."""

    def __init__(self, path: Path, faults: list[Fault]) -> None:
        super().__init__("\n".join([f"{path}: {len(faults)} fault(s)", *(f"  {fault}" for fault in faults)]))
        self.faults = faults


def load(path: Path) -> Config:
    """The configuration, its relative paths made absolute from the file's folder. BadConfig names every fault."""
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise BadConfig(path, [Fault("the file", "", f"cannot be read ({error.strerror})")]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadConfig(path, [Fault("the file", "", f"is not TOML: {error}")]) from None
    faults = list(_faults(Config, table, ""))
    if faults:
        raise BadConfig(path, faults)
    config = _rooted(convert(table), path.resolve().parent)
    faults = list(_conflicts(config))
    if faults:
        raise BadConfig(path, faults)
    return config


def convert(table: dict[str, Any]) -> Config:
    """A table that has no faults as a configuration; its paths as they are."""
    return msgspec.convert(table, Config)


def _faults(kind: type[msgspec.Struct], table: dict[str, Any], prefix: str) -> typing.Iterator[Fault]:
    """Every fault of a table, key by key: msgspec itself stops at the first."""
    hints = typing.get_type_hints(kind, include_extras=True)
    known = {field.name: field for field in msgspec.structs.fields(kind)}
    for name in table.keys() - known.keys() - {kind.__struct_config__.tag_field}:
        yield Fault(prefix + name, "", f"is not known here; known are {', '.join(sorted(known))}")
    for name, field in known.items():
        key, hint = prefix + name, hints[name]
        if name not in table:
            if field.required:
                yield Fault(key, "", "is missing")
            continue
        value = table[name]
        inner = _structs(hint)
        if inner and isinstance(value, dict) and _origin(hint) is not dict:
            yield from _checked(inner, value, key)
        elif inner and isinstance(value, dict):
            yield from _outer(hint, value, key)
            for entry, content in value.items():
                yield from _checked(inner, content, f"{key}.{entry}")
        elif inner and isinstance(value, list):
            yield from _outer(hint, value, key)
            for number, content in enumerate(value, start=1):
                yield from _checked(inner, content, f"{key}[{number}]")
        else:
            yield from _outer(hint, value, key)


def _checked(kinds: list[type[msgspec.Struct]], content: object, key: str) -> typing.Iterator[Fault]:
    """Faults of a table that is one of `kinds`; where there are several, its tag says which."""
    if not isinstance(content, dict):
        yield Fault(key, repr(content), "must be a table")
        return
    tag_field = kinds[0].__struct_config__.tag_field
    if tag_field is None:
        yield from _faults(kinds[0], content, key + ".")
        return
    tags = {kind.__struct_config__.tag: kind for kind in kinds}
    tag = content.get(tag_field)
    if isinstance(tag, str) and tag in tags:
        yield from _faults(tags[tag], content, key + ".")
    else:
        known = ", ".join(f'"{tag}"' for tag in tags)
        wrong = "is missing" if tag is None else "is not known"
        yield Fault(f"{key}.{tag_field}", "" if tag is None else repr(tag), f"{wrong}; known: {known}")


def _outer(hint: Any, value: object, key: str) -> typing.Iterator[Fault]:
    try:
        msgspec.convert(value, hint)
    except msgspec.ValidationError as error:
        text = str(error).split(" - at")
        if len(text) == 1 or text[1].strip() in ("", "`$`"):
            yield Fault(key, repr(value)[:80], text[0])


def _origin(hint: Any) -> Any:
    origin = typing.get_origin(hint)
    return _origin(typing.get_args(hint)[0]) if origin is Annotated else origin


def _structs(hint: Any) -> list[type[msgspec.Struct]]:
    """The structs in a type: itself, the members of a union, the elements of a list or the values of a dict."""
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return [hint]
    return [kind for arg in typing.get_args(hint) for kind in _structs(arg)]


def _rooted(config: Config, folder: Path) -> Config:
    def at(value: str) -> str:
        return str(folder / value)

    def at_all(table: Any, *names: str) -> Any:
        return msgspec.structs.replace(
            table, **{name: at(getattr(table, name)) for name in names if getattr(table, name) is not None}
        )

    return msgspec.structs.replace(
        config,
        booth=at_all(config.booth, "state_dir"),
        keys=at_all(config.keys, "identity", "vault", "index", "fleet"),
        broker=at_all(config.broker, "ca", "certificate", "key"),
        cabin=at_all(config.cabin, "socket"),
    )


def _conflicts(config: Config) -> typing.Iterator[Fault]:
    """What no single key shows."""
    ids = [service.id for service in config.services]
    for id in sorted({id for id in ids if ids.count(id) > 1}):
        yield Fault("services", id, "stands twice; every service has its own id")
    for name in ("identity", "vault", "index", "fleet"):
        path = Path(getattr(config.keys, name))
        if not path.is_file():
            yield Fault(f"keys.{name}", str(path), "is no file; provisioning puts it there")
    if not Path(config.booth.state_dir).is_dir():
        yield Fault("booth.state_dir", config.booth.state_dir, "is no folder; make it, writable by the booth's user")
    broker = config.broker
    if broker.url.startswith("mqtts:"):
        for name in ("ca", "certificate", "key"):
            value = getattr(broker, name)
            if value is None or not Path(value).is_file():
                yield Fault(f"broker.{name}", str(value), "is needed for mqtts: and must be a file")
    for key, problem in settings.problems(config.cabin):
        yield Fault(f"cabin.{key}", "", problem)
    if isinstance(config.cabin, settings.Devices) and isinstance(config.cabin.coins, settings.Absent):
        for number, service in enumerate(config.services, start=1):
            if service.price_cents:
                yield Fault(
                    f"services[{number}].price_cents", str(service.price_cents), "must be 0: the cabin takes no coins"
                )
    from .fields import problems
    from .ticket_blocks import WIDTH_DOTS

    if isinstance(config.cabin, settings.Devices) and not isinstance(config.cabin.printer, settings.Simulated):
        wide = config.cabin.printer.width_dots
        if wide != WIDTH_DOTS:
            yield Fault("cabin.printer.width_dots", str(wide), f"must be {WIDTH_DOTS}: the ticket is drawn so wide")
    for key, problem in problems(config.fields, ids):
        yield Fault(key, "", problem)
