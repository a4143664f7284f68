"""The redemption API's OpenAPI 3.1 document, made from wire.py: `python -m fleet.openapi > docs/openapi.json`."""

import json
import sys
from functools import cache
from importlib.metadata import version
from typing import Any

import msgspec

from .wire import HTTP, Confirmation, ConfirmationRequest, Redeemed, RedemptionRequest, Refusal, RequestId, Status

_REDEMPTION: tuple[tuple[Status, str], ...] = (
    ("malformed", "the body cannot be read; nothing was changed"),
    ("not_allowed", "the certificate's holder may not redeem; nothing was changed"),
    ("not_seen", "the code has not arrived yet or was never issued"),
    ("used", "used already: by another caller or request, or confirmed, or answered more than 72 h ago"),
    ("expired", "six months have passed"),
    ("request_reused", "this request_id redeemed another code; nothing was changed"),
    ("mistyped", "the check characters do not fit; `position` names the one that looks wrong"),
    ("revoked", "its ticket failed or was refunded"),
    ("pending", "the deposit or its ticket's word is still to come: ask again later"),
    ("too_many", "asked too often; nothing was changed. Wrong codes count tenfold"),
)
_CONFIRMATION: tuple[tuple[Status, str], ...] = (
    ("malformed", "the body cannot be read; nothing was changed"),
    ("not_allowed", "the certificate's holder may not redeem"),
    ("unknown_request", "nothing was handed to this caller under this request_id"),
    ("already_confirmed", "another outcome was told before; it stays"),
    ("too_many", "asked too often; nothing was changed"),
)


@cache
def document() -> dict[str, Any]:
    """The document as JSON values."""
    kinds = (RedemptionRequest, Redeemed, Refusal, ConfirmationRequest, Confirmation)
    _, schemas = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ePhoto redemption",
            "version": version("ephoto-booth"),
            "description": "The administration redeems a customer's code once and gets the sealed deposit. Callers "
            "authenticate by a TLS client certificate. The code travels in the body only, never in a URL.",
        },
        "security": [{"certificate": []}],
        "paths": {
            "/v1/redemptions": {
                "post": {
                    "operationId": "redeem",
                    "summary": "Redeem a code, once",
                    "description": "One caller and request wins. Asked again with the same request_id, the same caller "
                    "gets the same answer until it confirms, or for 72 h: a lost answer kills no code.",
                    "requestBody": _content(RedemptionRequest, required=True),
                    "responses": {
                        "200": {"description": "the sealed deposit", **_content(Redeemed)},
                        **_refusals(_REDEMPTION),
                    },
                }
            },
            "/v1/redemptions/{request_id}/confirmation": {
                "post": {
                    "operationId": "confirm",
                    "summary": "Say that the deposit is safe, and what became of the application",
                    "description": "Erases the deposit at the fleet. The code stays used whatever the outcome. "
                    "`received` may be followed by `accepted` or `rejected` once.",
                    "parameters": [
                        {
                            "name": "request_id",
                            "in": "path",
                            "required": True,
                            "schema": msgspec.json.schema(RequestId),
                        }
                    ],
                    "requestBody": _content(ConfirmationRequest, required=True),
                    "responses": {
                        "200": {"description": "noted and erased", **_content(Confirmation)},
                        **_refusals(_CONFIRMATION),
                    },
                }
            },
        },
        "components": {"schemas": schemas, "securitySchemes": {"certificate": {"type": "mutualTLS"}}},
    }


def text() -> str:
    """The document as the file holds it."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def _content(kind: type, **more: object) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{kind.__name__}"}
    return {**more, "content": {"application/json": {"schema": schema}}}


def _refusals(answers: tuple[tuple[Status, str], ...]) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status, meaning in answers:
        response = {"description": f"`{status}`: {meaning}", **_content(Refusal)}
        if status == "too_many":
            schema = {"type": "integer", "description": "seconds"}
            response["headers"] = {"Retry-After": {"schema": schema}}
        responses[str(HTTP[status])] = response
    return responses


if __name__ == "__main__":
    sys.stdout.write(text())
