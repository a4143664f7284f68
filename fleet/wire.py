"""What goes over the redemption API: bodies, and the HTTP status of each answer. docs/openapi.json is made from it."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from edge.messages import BoothId, Id, Sha256, VisitNumber

Status = Literal[
    "pending", "used", "expired", "revoked", "not_seen", "mistyped", "request_reused", "malformed", "not_allowed",
    "too_many", "unknown_request", "already_confirmed",
]  # fmt: skip

HTTP: dict[Status, int] = {
    "malformed": 400,
    "not_allowed": 403,
    "not_seen": 404,
    "unknown_request": 404,
    "used": 409,
    "already_confirmed": 409,
    "expired": 410,
    "request_reused": 412,
    "mistyped": 422,
    "revoked": 423,
    "pending": 425,
    "too_many": 429,
}
"""Within one operation each answer has a status of its own."""

RequestId = Annotated[
    Id, Meta(description="128 random bits made by the caller: names this redemption, also when asked again")
]


class RedemptionRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`code`: as the customer gave it; case, separators, O/0 and I/L/1 are forgiven."""

    code: Annotated[str, Meta(max_length=100)]
    request_id: RequestId


class Redeemed(msgspec.Struct, frozen=True):
    """The sealed deposit: `unseal(header, sealed)` with the vault's private key, which only the caller has."""

    status: Literal["redeemed"]
    request_id: RequestId
    booth: BoothId
    deposit: Id
    visit: VisitNumber
    header: Annotated[str, Meta(description="the envelope's exact header text, which the seal binds")]
    sealed: Annotated[str, Meta(description="enc ‖ ct in base64", extra_json_schema={"contentEncoding": "base64"})]
    sha256: Annotated[Sha256, Meta(description="of enc ‖ ct")]
    committed_at: datetime
    expires_at: datetime
    redeemed_at: datetime
    answer_until: Annotated[
        datetime, Meta(description="until then the same request gets this answer, if not confirmed")
    ]


class Refusal(msgspec.Struct, frozen=True, omit_defaults=True):
    """Any other answer: `status` for machines, a sentence for people in both languages."""

    status: Status
    sentence_fr: str
    sentence_en: str
    since: Annotated[datetime | None, Meta(description="when it was used, expired, revoked or became pending")] = None
    position: Annotated[
        int | None, Meta(description="mistyped: the character (1…21) that looks wrong, if one does")
    ] = None
    retry_after_s: Annotated[int | None, Meta(description="too_many: also in the header Retry-After")] = None


class ConfirmationRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The caller has the deposit safe (`received`), or says at once or later what became of the application. `reason`
    goes with `rejected` only: `portrait` and `signature` open a claim for the customer."""

    outcome: Literal["received", "accepted", "rejected"] = "received"
    reason: Literal["portrait", "signature", "other"] | None = None


class Confirmation(msgspec.Struct, frozen=True):
    """Noted, and the deposit is erased at the fleet."""

    status: Literal["confirmed"]
    request_id: RequestId
    outcome: Literal["received", "accepted", "rejected"]
