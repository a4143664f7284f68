"""What a message on the broker says, in one line for people. For the demo's eyes only; believes nothing."""

import json
from typing import Any


def line(topic: str, body: bytes) -> str | None:
    """One line, None for what would only repeat (chunks after the first)."""
    where = topic.removeprefix("ephoto/v1/").partition("/")[2] or topic
    if "/c/" in where:
        return f"{where}  {len(body)} sealed bytes" if where.endswith("/c/0") else None
    try:
        message: dict[str, Any] = json.loads(body)
        inner: dict[str, Any] = json.loads(message["signed"]) if "signed" in message else message
    except (ValueError, TypeError):
        return f"{where}  {len(body)} bytes"
    if "data" in inner:
        data = inner["data"]
        rest = ", ".join(f"{key} {value}" for key, value in data.items() if key != "type" and value is not None)
        return f"{where}  {data['type']}: {rest}"
    if "result" in inner:
        return f"{where}  {inner['item']} {inner['item_id'][:8]}… {inner['result']}"
    if "chunks" in inner:
        return f"deposit {inner['id'][:8]}…  manifest: {inner['chunks']} chunks, {inner['size']} bytes sealed"
    if "online" in inner:
        return f"{topic.removeprefix('ephoto/v1/')}  {'online' if inner['online'] else 'offline'}"
    if "gate_open" in inner:
        gate = "open" if inner["gate_open"] else "closed"
        return f"{where}  gate {gate}, credit {inner['credit_cents']} ct, outbox {inner['outbox_items']} item(s)"
    return where
