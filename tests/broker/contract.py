"""Holds real messages against docs/asyncapi.json."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

DOCUMENT = Path(__file__).resolve().parent.parent.parent / "docs" / "asyncapi.json"


@cache
def document() -> dict[str, Any]:
    return dict(json.loads(DOCUMENT.read_text("utf-8")))


def channel_of(topic: str) -> str:
    """The channel whose address fits. KeyError where the contract knows no such topic."""
    for name, channel in document()["channels"].items():
        pattern = re.sub(r"\\\{[a-z]+\\\}", "[^/]+", re.escape(channel["address"]))
        # `_srv` is no booth: its state has a channel of its own
        if re.fullmatch(pattern, topic) and ("_srv" in channel["address"]) == ("/_srv/" in topic):
            return str(name)
    raise KeyError(topic)


def validate(topic: str, payload: bytes) -> str:
    """The channel's name. jsonschema.ValidationError where the message breaks the contract."""
    name = channel_of(topic)
    (message,) = document()["channels"][name]["messages"].values()
    schema = message["payload"]
    if message["contentType"] == "application/octet-stream":
        assert len(payload) <= document()["components"]["schemas"]["Chunk"]["maxLength"]
        return name
    body = json.loads(payload)
    _fits(schema, body)
    inner = document()["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]].get("x-signed")
    if inner is not None:
        _fits(inner, json.loads(body["signed"]))
    return name


def _fits(schema: dict[str, Any], body: object) -> None:
    jsonschema.Draft202012Validator({**schema, "components": document()["components"]}).validate(body)
