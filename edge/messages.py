"""The uplink's messages: their topics, fields, versions and sizes. Pure: bytes in, values out.

Bodies are self-sufficient JSON; unknown fields are ignored; `v` is the version of the body. What must be believed is
`Signed`: the exact text that was signed travels as a string, so that no re-encoding can break it. The code, a name or
a picture is in none of them: the index seal is ciphertext. docs/asyncapi.json is made from this file.
"""

from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

VERSION = 1
CHUNK_BYTES = 32 * 1024
MAX_DEPOSIT_BYTES = 4 * 1024 * 1024
MAX_BODY_BYTES = 64 * 1024
"""No JSON body is longer; a receiver refuses more unread."""

Id = Annotated[str, Meta(pattern="^[0-9a-f]{32}$", description="128 random bits")]
Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
BoothId = Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9-]{2,39}$", description="the certificate's common name")]
VisitNumber = Annotated[str, Meta(pattern="^[0-9A-HJKMNP-TV-Z]{10}$", description="random; printed on the ticket")]
ClaimNumber = Annotated[str, Meta(pattern="^[0-9A-HJKMNP-TV-Z]{8}$", description="random; printed on slip or ticket")]
Cents = Annotated[int, Meta(ge=0, le=1_000_000)]
Total = Annotated[int, Meta(ge=0)]


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What every body carries. `boot` is the kernel's boot id; `seq` is the outbox's lifelong number for events and
    manifests, and counts per boot for all else."""

    id: Id
    ts: datetime
    boot: str
    seq: Annotated[int, Meta(ge=0)]
    v: int = VERSION


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """A signature over the UTF-8 bytes of `signed`: ECDSA P-256/SHA-256 (DER) by a booth, Ed25519 by the fleet.

    `historical`: the sender says that it could not send this when it happened. Not signed, a hint only.
    """

    signed: str
    sig: Annotated[str, Meta(pattern="^[A-Za-z0-9_-]+$", max_length=200, description="base64url without padding")]
    historical: bool = False
    v: int = VERSION


class State(Message, frozen=True, kw_only=True):
    """`state`: birth and last will of a booth, or of the fleet (`_srv`)."""

    online: bool
    booth: str
    version: str = ""


class Counters(msgspec.Struct, frozen=True, kw_only=True):
    """The ledger's lifelong sums when the event was made: coins = spent + claimed_credit + credit, always."""

    coins_cents: Total
    spent_cents: Total
    claimed_credit_cents: Total
    claimed_ticket_cents: Total
    credit_cents: Total
    unclear_coins: Total


class CoinTaken(msgspec.Struct, frozen=True, kw_only=True, tag="coin"):
    """A coin was credited. Operator: nothing."""

    visit: VisitNumber
    cents: Cents


class CoinUnclear(msgspec.Struct, frozen=True, kw_only=True, tag="unclear_coin"):
    """A signal that was not clearly a coin; a claim with an unknown amount goes with it. Operator: look at the raw
    edges, settle the claim, have the acceptor cleaned if it comes often."""

    visit: VisitNumber
    claim: ClaimNumber
    why: str
    edges: list[tuple[str, bool, int]] = []


class ClaimOpened(msgspec.Struct, frozen=True, kw_only=True, tag="claim"):
    """Money owed to a customer. Operator: refund it and close it. `cents` is None until the operator sets it."""

    claim: ClaimNumber
    visit: VisitNumber
    reason: Literal["cancelled", "abandoned", "refused", "change", "unclear_coin", "ticket_failed", "ticket_unknown"]
    cents: Cents | None
    deposit: Id | None = None


class Committed(msgspec.Struct, frozen=True, kw_only=True, tag="commit"):
    """A visit was committed: credit spent, code reserved, deposit in the outbox. Operator: nothing."""

    visit: VisitNumber
    deposit: Id
    price_cents: Cents


class TicketSettled(msgspec.Struct, frozen=True, kw_only=True, tag="ticket"):
    """The ticket's word: `printed` and `unknown` let the code live, `failed` revokes it. Operator: on `failed` or
    `unknown` look at the printer; a claim for the price came with it."""

    visit: VisitNumber
    deposit: Id
    word: Literal["printed", "unknown", "failed"]


class VisitEnded(msgspec.Struct, frozen=True, kw_only=True, tag="visit"):
    """A visit's end, without what it was for. Operator: nothing."""

    visit: VisitNumber
    outcome: Literal["ticket", "cancelled", "abandoned", "refused", "interrupted"]
    seconds: Annotated[int, Meta(ge=0)]


class Alert(msgspec.Struct, frozen=True, kw_only=True, tag="alert"):
    """Something that a person must look at. `name` from the operator's catalogue, `what` without personal data."""

    name: str
    what: str


class DailyCounts(msgspec.Struct, frozen=True, kw_only=True, tag="counts"):
    """Services chosen and findings refused leave the booth as these daily sums only. Operator: nothing."""

    day: str
    services: dict[str, int]
    findings: dict[str, int]


EventData = CoinTaken | CoinUnclear | ClaimOpened | Committed | TicketSettled | VisitEnded | Alert | DailyCounts
EVENTS: tuple[type, ...] = (
    CoinTaken, CoinUnclear, ClaimOpened, Committed, TicketSettled, VisitEnded, Alert, DailyCounts,
)  # fmt: skip


class Event(Message, frozen=True, kw_only=True):
    """`up/event`, inside Signed: one thing that happened, once, with the ledger's sums after it."""

    booth: BoothId
    epoch: Annotated[int, Meta(ge=0, description="raised when a board is replaced")]
    counters: Counters
    data: EventData


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """The envelope's header: what the seal binds. Its exact text stands in the manifest."""

    suite: str
    kid: str
    booth: BoothId
    deposit: Id
    boot: str
    seq: int
    ts: datetime
    size: Annotated[int, Meta(ge=0, le=MAX_DEPOSIT_BYTES)]
    v: int = VERSION


class Manifest(Message, frozen=True, kw_only=True):
    """`up/dep/<id>/m`, inside Signed: says what the chunks must add up to, and brings the index seal."""

    booth: BoothId
    epoch: int
    visit: VisitNumber
    header: str
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$", description="of enc ‖ ct")]
    size: Annotated[int, Meta(ge=1, le=MAX_DEPOSIT_BYTES, description="bytes of enc ‖ ct")]
    chunks: Annotated[int, Meta(ge=1, le=MAX_DEPOSIT_BYTES // CHUNK_BYTES)]
    index_header: str
    index: Annotated[str, Meta(max_length=4096, description="base64url: enc ‖ ct of IndexContent")]


class IndexContent(msgspec.Struct, frozen=True, kw_only=True):
    """Inside the index seal (JSON): what the fleet server may know of a deposit."""

    code: str
    booth: str
    deposit: Id
    visit: VisitNumber
    committed_at: datetime
    expires_at: datetime
    price_cents: Cents
    v: int = VERSION


class VaultContent(msgspec.Struct, frozen=True, kw_only=True):
    """Inside the vault seal (MessagePack): what only the administration may read."""

    code: str
    booth: str
    thumbprint: str
    deposit: Id
    visit: VisitNumber
    service: str
    committed_at: datetime
    expires_at: datetime
    portrait: bytes
    portrait_type: str
    signature: bytes
    signature_type: str
    overrides: list[str]
    v: int = VERSION


class Receipt(Message, frozen=True, kw_only=True):
    """`down/receipt`, inside Signed: the fleet's word on one deposit or event.

    `sha256` is of the exact signed text of the manifest or event. Only `stored` erases it on the booth.
    """

    booth: BoothId
    item: Literal["deposit", "event"]
    item_id: Id
    sha256: Sha256
    result: Literal["stored", "missing", "rejected"]
    missing: list[int] = []
    why: str = ""


class Command(Message, frozen=True, kw_only=True):
    """`down/cmd`, inside Signed. The topic and this form are reserved; no command is defined yet."""

    booth: BoothId
    deadline: datetime
    name: str
    params: dict[str, Any] = {}


class Topics:
    """The topic tree `ephoto/v1/<booth>/…` of one booth; `Topics.FLEET_*` are the fleet's subscriptions."""

    ROOT = "ephoto/v1"
    SERVER_STATE = "ephoto/v1/_srv/state"
    # one share name for each filter: iotcore (rumqttd) serves only the first filter of a name
    FLEET_EVENTS = "$share/ingest-events/ephoto/v1/+/up/event"
    FLEET_MANIFESTS = "$share/ingest-manifests/ephoto/v1/+/up/dep/+/m"
    FLEET_CHUNKS = "$share/ingest-chunks/ephoto/v1/+/up/dep/+/c/+"
    FLEET_STATES = "ephoto/v1/+/state"
    FLEET_HEALTH = "ephoto/v1/+/up/health"

    def __init__(self, booth: str) -> None:
        base = f"{self.ROOT}/{booth}"
        self.state = f"{base}/state"
        self.health = f"{base}/up/health"
        self.event = f"{base}/up/event"
        self.receipt = f"{base}/down/receipt"
        self.command = f"{base}/down/cmd"
        self.command_answer = f"{base}/up/cmd"
        self.config_desired = f"{base}/down/config"
        self.config_reported = f"{base}/up/config"
        self._deposits = f"{base}/up/dep"

    def manifest(self, deposit: str) -> str:
        return f"{self._deposits}/{deposit}/m"

    def chunk(self, deposit: str, number: int) -> str:
        return f"{self._deposits}/{deposit}/c/{number}"

    @staticmethod
    def booth_of(topic: str) -> str | None:
        """The booth that a topic of the tree names; None for any other topic."""
        parts = topic.split("/")
        return parts[2] if len(parts) > 3 and parts[:2] == ["ephoto", "v1"] else None

    @staticmethod
    def deposit_of(topic: str) -> tuple[str, int | None] | None:
        """(deposit id, chunk number or None for the manifest) of an `up/dep` topic, None for any other."""
        match topic.split("/")[3:]:
            case ["up", "dep", deposit, "m"]:
                return deposit, None
            case ["up", "dep", deposit, "c", number] if number.isascii() and number.isdigit() and len(number) <= 6:
                return deposit, int(number)
        return None


class BadMessage(ValueError):
    """A body that cannot be believed or read. The text says which field and why, and holds nothing of its content."""


T = TypeVar("T", bound=msgspec.Struct)
_decoders: dict[type, msgspec.json.Decoder[Any]] = {}


def encode(message: msgspec.Struct) -> bytes:
    """A message as JSON."""
    return msgspec.json.encode(message)


def decode(kind: type[T], body: bytes | str) -> T:
    """The message in `body`. BadMessage where it is too long, no JSON, of another version, or a field does not fit."""
    if len(body) > MAX_BODY_BYTES:
        raise BadMessage(f"{kind.__name__}: {len(body)} bytes, at most {MAX_BODY_BYTES} are read")
    decoder = _decoders.setdefault(kind, msgspec.json.Decoder(kind))
    try:
        message: T = decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadMessage(f"{kind.__name__}: {error}") from None
    if getattr(message, "v", VERSION) != VERSION:
        raise BadMessage(f"{kind.__name__}: version {getattr(message, 'v', None)}, this side speaks {VERSION}")
    return message
