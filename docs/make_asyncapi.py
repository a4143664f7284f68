"""Makes docs/asyncapi.json, the uplink's whole contract, from edge/messages.py: `python docs/make_asyncapi.py`.

The schemas are msgspec's own of the very types that both sides decode with; only topics and prose are added here.
"""

import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from edge import messages
from edge.messages import CHUNK_BYTES, MAX_BODY_BYTES, MAX_DEPOSIT_BYTES, Topics

WHERE = Path(__file__).with_name("asyncapi.json")
REF = "#/components/schemas/{name}"

BOOTH = "{booth}"
T = Topics(BOOTH)

SIGNED = {
    "BoothEvent": (messages.Event, "ECDSA P-256/SHA-256 by the booth's identity key"),
    "BoothManifest": (messages.Manifest, "ECDSA P-256/SHA-256 by the booth's identity key"),
    "FleetReceipt": (messages.Receipt, "Ed25519 by the fleet's signing key"),
    "FleetCommand": (messages.Command, "Ed25519 by the fleet's signing key"),
}
"""A Signed whose `signed` is the JSON text of the named message. `x-signed` names its schema."""

# name: address, payload's schema, who sends, QoS, retained, expiry in seconds, what
CHANNELS: dict[str, tuple[str, str, str, int, bool, int | None, str]] = {
    "boothState": (T.state, "State", "booth", 1, True, None, "Birth, goodbye and last will (delay 45 s) of a booth."),
    "health": (T.health, "Health", "booth", 0, True, 3600, "Every 60 s and on change; at most 2 MB a day when idle."),
    "event": (T.event, "BoothEvent", "booth", 1, False, None, "One thing that happened, until its receipt."),
    "manifest": (T.manifest("{deposit}"), "BoothManifest", "booth", 1, False, 3600, "Begins a deposit or asks for it."),
    "chunk": (
        "ephoto/v1/{booth}/up/dep/{deposit}/c/{n}", "Chunk", "booth", 1, False, 3600,
        f"Bytes n × {CHUNK_BYTES} to (n + 1) × {CHUNK_BYTES} of enc ‖ ct.",
    ),
    "receipt": (T.receipt, "FleetReceipt", "fleet", 1, False, 86400, "The fleet's word on one deposit or event."),
    "fleetState": (Topics.SERVER_STATE, "State", "fleet", 1, True, None, "The fleet's own birth and last will."),
    "command": (T.command, "FleetCommand", "fleet", 1, False, 900, "Reserved: no command is defined yet."),
    "commandAnswer": (T.command_answer, "Reserved", "booth", 1, False, 86400, "Reserved."),
    "configDesired": (T.config_desired, "Reserved", "fleet", 1, True, None, "Reserved."),
    "configReported": (T.config_reported, "Reserved", "booth", 1, True, None, "Reserved."),
}  # fmt: skip

PARAMETERS = {
    "booth": {"description": "the booth's id: the common name of its certificate, ^[a-z0-9][a-z0-9-]{2,39}$"},
    "deposit": {"description": "the deposit's id, 128 random bits in hex"},
    "n": {"description": "the chunk's number, from 0"},
}


def document() -> dict[str, Any]:
    """The AsyncAPI 3.0.0 document."""
    plain = [messages.State, messages.Signed, *(kind for kind, _ in SIGNED.values()), messages.Header]
    _, schemas = msgspec.json.schema_components(plain, ref_template=REF)
    # an OpenAPI discriminator is an object, AsyncAPI knows strings only; each kind's `type` is a constant anyhow
    schemas["Event"]["properties"]["data"].pop("discriminator")
    schemas |= _own_schemas()
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "ePhoto booth uplink",
            "version": f"{messages.VERSION}.0.0",
            "description": (
                "What booths and their fleet say to each other over MQTT 5. Every JSON body carries its version `v`; "
                f"unknown fields are ignored; no body is longer than {MAX_BODY_BYTES} bytes, no deposit longer than "
                f"{MAX_DEPOSIT_BYTES}. Made by docs/make_asyncapi.py from edge/messages.py; docs/uplink.md tells the "
                "order of things."
            ),
        },
        "defaultContentType": "application/json",
        "channels": {name: _channel(name, *row) for name, row in CHANNELS.items()},
        "operations": {
            f"{row[2]}Sends{name[0].upper()}{name[1:]}": {
                "action": "send",
                "channel": {"$ref": f"#/channels/{name}"},
                "bindings": {"mqtt": _binding(row)},
            }
            for name, row in CHANNELS.items()
        },
        "components": {"schemas": dict(sorted(schemas.items()))},
    }


def _channel(
    name: str, address: str, schema: str, sender: str, qos: int, retain: bool, expiry_s: int | None, what: str
) -> dict[str, Any]:
    binary = schema == "Chunk"
    channel: dict[str, Any] = {
        "address": address,
        "description": what,
        "messages": {
            name: {
                "contentType": "application/octet-stream" if binary else "application/json",
                "payload": {"$ref": REF.format(name=schema)},
            }
        },
        "x-sent-by": sender,
    }
    parameters = {key: value for key, value in PARAMETERS.items() if f"{{{key}}}" in address}
    return channel | ({"parameters": parameters} if parameters else {})


def _binding(row: tuple[str, str, str, int, bool, int | None, str]) -> dict[str, Any]:
    _, _, _, qos, retain, expiry_s, _ = row
    binding: dict[str, Any] = {"qos": qos, "retain": retain, "bindingVersion": "0.2.0"}
    return binding | ({"messageExpiryInterval": expiry_s} if expiry_s is not None else {})


def _own_schemas() -> dict[str, Any]:
    """What no struct is: the flat health report, a chunk, and the Signed that carry one kind of message each."""
    base = {"id", "ts", "boot", "seq", "v"}
    _, parts = msgspec.json.schema_components([messages.State], ref_template=REF)
    health = {key: value for key, value in parts["State"]["properties"].items() if key in base}
    own: dict[str, Any] = {
        "Health": {
            "title": "Health",
            "description": (
                "Flat: every further field is one value, numbers with their unit in the name. Each condition of the "
                "coin gate is `gate_<name>_ok` (true, false, or null while not known) with `gate_<name>_s`, for how "
                "many seconds it has held, or, while it does not, `gate_<name>_since` and `gate_<name>_why`. What the "
                "machine does not know of itself is left out."
            ),
            "type": "object",
            "properties": health,
            "required": sorted(base - {"v"}),
            "patternProperties": {
                "^gate_[a-z0-9_]+_ok$": {"type": ["boolean", "null"]},
                "^gate_[a-z0-9_]+_s$": {"type": "integer", "minimum": 0},
                "^gate_[a-z0-9_]+_since$": {"type": "string", "format": "date-time"},
            },
            "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
        },
        "Chunk": {
            "title": "Chunk",
            "description": f"Raw bytes, {CHUNK_BYTES} but for the last: a part of a seal for the vault key.",
            "type": "string",
            "format": "binary",
            "maxLength": CHUNK_BYTES,
        },
        "Reserved": {"title": "Reserved", "description": "Not defined yet.", "type": "object"},
    }
    for name, (kind, by) in SIGNED.items():
        own[name] = {
            "title": name,
            "description": f"Signed: {by}, over the UTF-8 bytes of `signed`, which is the text of a {kind.__name__}.",
            "allOf": [{"$ref": REF.format(name="Signed")}],
            "x-signed": {"$ref": REF.format(name=kind.__name__)},
        }
    return own


def text() -> str:
    return json.dumps(document(), indent=1, ensure_ascii=False, sort_keys=False) + "\n"


if __name__ == "__main__":
    WHERE.write_text(text())
    sys.stdout.write(f"{WHERE}\n")
