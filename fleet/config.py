"""`fleet.toml`: read, checked whole, every fault told with key, value and what is allowed. Opens nothing but that file.

Paths are relative to the file's own folder. There is no key for the vault's private key: the server never has it.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

Listen = Annotated[
    str, Meta(pattern=r"^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):\d{1,5}$", description="host:port; port 0 takes a free one")
]
PathText = Annotated[str, Meta(min_length=1, description="a path")]


class MqttTable(msgspec.Struct, frozen=True, kw_only=True):
    url: Annotated[str, Meta(pattern=r"^mqtts?://[^/]+$", description="mqtt://host:port or mqtts://host:port")]
    ca: PathText | None = None
    cert: PathText | None = None
    key: PathText | None = None


class VaultTable(msgspec.Struct, frozen=True, kw_only=True):
    database: PathText
    unfinished_mb_per_booth: Annotated[int, Meta(ge=4, le=1024, description="4 to 1024 MB")] = 16


class KeysTable(msgspec.Struct, frozen=True, kw_only=True):
    signing: PathText
    index: Annotated[list[PathText], Meta(min_length=1, description="a list of paths, at least one")]
    peppers: Annotated[list[PathText], Meta(min_length=1, description="a list of paths, the first marks new codes")]
    booths: PathText


class ApiTable(msgspec.Struct, frozen=True, kw_only=True):
    ca: PathText
    cert: PathText
    key: PathText
    callers: Annotated[
        list[Annotated[str, Meta(min_length=1)]],
        Meta(min_length=1, description="a list of common names, at least one"),
    ]
    listen: Listen = "127.0.0.1:8443"
    burst: Annotated[int, Meta(ge=1, le=100_000, description="1 to 100000 requests")] = 120
    per_minute: Annotated[int, Meta(ge=1, le=100_000, description="1 to 100000 requests")] = 120


class PageTable(msgspec.Struct, frozen=True, kw_only=True):
    listen: Listen = "127.0.0.1:8090"


class VisitsTable(msgspec.Struct, frozen=True, kw_only=True):
    listen: Listen = "127.0.0.1:8091"
    contact: Annotated[str, Meta(max_length=200, description="at most 200 characters")] = ""


class Tables(msgspec.Struct, frozen=True, kw_only=True):
    mqtt: MqttTable
    vault: VaultTable
    keys: KeysTable
    api: ApiTable
    page: PageTable = PageTable()
    visits: VisitsTable = VisitsTable()


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong. `value` is shown as it was read."""

    key: str
    value: str
    allowed: str

    def __str__(self) -> str:
        return f"{self.key} = {self.value}: {self.allowed}"


class ConfigError(Exception):
    """The file cannot be used; `faults` are all of them."""

    def __init__(self, path: Path, faults: list[Fault]) -> None:
        super().__init__(f"{path}: {len(faults)} fault(s)")
        self.path, self.faults = path, faults


@dataclass(frozen=True)
class Config:
    """A checked `fleet.toml`."""

    folder: Path
    tables: Tables

    def path(self, text: str) -> Path:
        """A path of the file, from its own folder."""
        return self.folder / text

    def paths(self, texts: list[str]) -> list[Path]:
        return [self.path(text) for text in texts]


def load(path: Path) -> Config:
    """The configuration in `path`. ConfigError with every fault."""
    try:
        raw = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(path, [Fault("(file)", str(path), error.strerror or "cannot be read")]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(path, [Fault("(file)", str(path), f"is no TOML: {error}")]) from None
    faults: list[Fault] = []
    for table in Tables.__struct_fields__:
        faults += _table_faults(table, raw.get(table))
    faults += [
        Fault(key, _shown(value), f"no such table; there are {', '.join(Tables.__struct_fields__)}")
        for key, value in raw.items()
        if key not in Tables.__struct_fields__
    ]
    if faults:
        raise ConfigError(path, faults)
    config = Config(path.resolve().parent, msgspec.convert(raw, Tables))
    faults = _across(config)
    if faults:
        raise ConfigError(path, faults)
    return config


def _table_faults(table: str, raw: object) -> list[Fault]:
    fields = {field.name: field for field in msgspec.structs.fields(_kind(table))}
    if raw is None:
        raw = {}
    if not isinstance(raw, dict):
        return [Fault(table, _shown(raw), f"a table with {', '.join(fields)}")]
    faults = []
    for name, field in fields.items():
        if name not in raw:
            if field.required:
                faults.append(Fault(f"{table}.{name}", "(missing)", f"is needed: {_allowed(field.type)}"))
            continue
        try:
            msgspec.convert(raw[name], field.type)
        except msgspec.ValidationError:
            faults.append(Fault(f"{table}.{name}", _shown(raw[name]), _allowed(field.type)))
    unknown = [name for name in raw if name not in fields]
    faults += [
        Fault(f"{table}.{name}", _shown(raw[name]), f"no such key; there are {', '.join(fields)}") for name in unknown
    ]
    return faults


def _across(config: Config) -> list[Fault]:
    """What one key alone cannot show."""
    faults = []
    tables = config.tables
    mqtt = tables.mqtt
    try:
        port_fits = urlsplit(mqtt.url).port != 0 and bool(urlsplit(mqtt.url).hostname)
    except ValueError:
        port_fits = False
    if not port_fits:
        faults.append(Fault("mqtt.url", _shown(mqtt.url), "a host name and a port from 1 to 65535"))
    if mqtt.url.startswith("mqtts:") and mqtt.ca is None:
        faults.append(Fault("mqtt.ca", "(missing)", "is needed with mqtts://"))
    if mqtt.url.startswith("mqtt:"):
        given = {"ca": mqtt.ca, "cert": mqtt.cert, "key": mqtt.key}
        faults += [
            Fault(f"mqtt.{name}", _shown(value), "goes with mqtts:// only") for name, value in given.items() if value
        ]
    if (mqtt.cert is None) != (mqtt.key is None):
        faults.append(Fault("mqtt.cert, mqtt.key", f"{mqtt.cert}, {mqtt.key}", "both or none"))
    for key, listen in (("api", tables.api.listen), ("page", tables.page.listen), ("visits", tables.visits.listen)):
        if int(listen.rsplit(":", 1)[1]) > 65535:
            faults.append(Fault(f"{key}.listen", _shown(listen), "a port from 0 to 65535"))
    files = {
        "mqtt.ca": mqtt.ca, "mqtt.cert": mqtt.cert, "mqtt.key": mqtt.key, "keys.signing": tables.keys.signing,
        "api.ca": tables.api.ca, "api.cert": tables.api.cert, "api.key": tables.api.key,
        **{f"keys.index[{i}]": text for i, text in enumerate(tables.keys.index)},
        **{f"keys.peppers[{i}]": text for i, text in enumerate(tables.keys.peppers)},
    }  # fmt: skip
    for key, text in files.items():
        if text is not None and not config.path(text).is_file():
            faults.append(Fault(key, _shown(text), f"a file; there is none at {config.path(text)}"))
    if not config.path(tables.keys.booths).is_dir():
        faults.append(Fault("keys.booths", _shown(tables.keys.booths), "a folder with <booth id>.pem files"))
    if not config.path(tables.vault.database).parent.is_dir():
        faults.append(Fault("vault.database", _shown(tables.vault.database), "a file in a folder that is there"))
    return faults


def _kind(table: str) -> type[msgspec.Struct]:
    kind: type[msgspec.Struct] = Tables.__annotations__[table]
    return kind


def _allowed(kind: Any) -> str:
    """What the type says of itself: its own description, or its name."""
    info = msgspec.inspect.type_info(kind)
    if isinstance(info, msgspec.inspect.UnionType):
        info = info.types[0]
    if isinstance(info, msgspec.inspect.Metadata):
        described = (info.extra_json_schema or {}).get("description")
        if described is not None:
            return str(described)
    return f"a {type(info).__name__.removesuffix('Type').lower()}"


def _shown(value: object) -> str:
    return repr(value) if len(repr(value)) <= 80 else repr(value)[:77] + "…"
