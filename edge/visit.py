"""One visit, from the first coin or tap to the ticket in the tray: one coroutine, readable as the story it is.

Before the commit nothing has happened to the customer's money; after it nothing can be lost. Whoever cancels, walks
away or cannot be served gets the whole credit as one claim.
"""

from contextlib import nullcontext
from functools import partial

from hw.cabin import PenSample

from . import signature as signing
from .booth import Booth
from .config import Service
from .customer import Customer, CustomerCancelled, CustomerLeft, NotServed
from .deposit import Photo
from .guide import money
from .handover import Proof, hand_over, hand_over_claim
from .inputs import Input, Stroke
from .ledger import Outcome
from .shots import Shot, mirror, take_portrait


async def visit(booth: Booth, first: Input | None = None) -> Outcome:
    """Serves one customer; `first` is the touch that began it. A visit open in the ledger goes on (after a restart)."""
    open_visit = booth.ledger.open_visit()
    customer = Customer(booth, open_visit, first)
    outcome: Outcome
    try:
        service = await choose_service(customer)
        await look_and_pay(customer, service)
        shot = await take_portrait(customer)
        signature_png = await take_signature(customer)
        while not await confirm(customer, service, shot):
            signature_png = await take_signature(customer)
        await printer_ready(customer)
    except CustomerCancelled:
        outcome = "cancelled"
    except CustomerLeft:
        outcome = "abandoned"
    except NotServed:
        outcome = "refused"
    else:
        return await commit(customer, service, shot, signature_png)
    finally:
        booth.wants_coins = False
    claim = booth.ledger.end_visit(open_visit.number, outcome)
    if claim is not None and outcome != "abandoned":
        await hand_over_claim(booth, claim, outcome)
    await booth.guide.show("goodbye")
    return outcome


async def choose_service(customer: Customer) -> Service:
    """Language and service by the pen's fields; coins may fall meanwhile."""
    booth = customer.booth
    known = booth.config.service(customer.resumed.service)
    if known is not None:
        return known
    booth.wants_coins = True
    guide = booth.guide
    while True:
        lines = [
            guide.say("visit.service.line", name=booth.service_name(s.id, guide.language),
                      price=money(s.price_cents, guide.language))
            for s in booth.config.services
        ]  # fmt: skip
        await guide.show("choose", *lines, fields=tuple(f"service.{s.id}" for s in booth.config.services))
        name = customer.field(await customer.input())
        if name and name.startswith("service."):
            service = booth.config.service(name.removeprefix("service."))
            if service is not None:
                booth.ledger.choose(customer.number, language=guide.language, service=service.id)
                return service


async def look_and_pay(customer: Customer, service: Service) -> None:
    """The free look: live guidance says what would fail, while coins may fall at any time."""
    booth, guide = customer.booth, customer.booth.guide
    if customer.resumed.paid:
        return
    look = mirror(customer, partial(_show_pay, customer, service)) if guide.present else nullcontext()
    async with look:
        while booth.ledger.credit_cents() < service.price_cents:
            booth.wants_coins = True
            await _show_pay(customer, service)
            if customer.field(await customer.input()) == "language":
                booth.ledger.choose(customer.number, language=guide.language, service=service.id)
    booth.wants_coins = False
    booth.ledger.paid(customer.number)


async def _show_pay(customer: Customer, service: Service, instruction: str = "", picture: bytes | None = None) -> None:
    booth, guide = customer.booth, customer.booth.guide
    credit = money(booth.ledger.credit_cents(), guide.language)
    if not booth.gate.open:
        await guide.show("pay_closed", why=guide.why(booth.gate.closed_by), credit=credit)
        return
    name, price = booth.service_name(service.id, guide.language), money(service.price_cents, guide.language)
    await guide.show(
        "pay", *([instruction] if instruction else []), picture=picture, service=name, price=price, credit=credit
    )


async def take_signature(customer: Customer) -> bytes:
    """Strokes in the signature field until `yes`; `redo` erases; a refused one says why. Answers the PNG."""
    booth, guide = customer.booth, customer.booth.guide
    field = booth.fields["signature"]
    box = signing.Box(field.x_mm, field.y_mm, field.width_mm, field.height_mm)
    samples: list[PenSample] = []
    await guide.show("sign")
    while True:
        given = await customer.input()
        name = customer.field(given)
        strokes = signing.strokes_in(samples, box)
        if name == "redo":
            samples.clear()
            await guide.show("sign")
        elif name == "yes":
            verdict = signing.judge(strokes, box)
            if verdict.ok:
                return signing.encode_png(signing.draw(strokes))
            samples.clear()
            await guide.show("sign_again", guide.say(f"signature.refused.{verdict.reason}"))
        elif isinstance(given, Stroke) and name in (None, "signature"):
            samples += given.ended
            await guide.show("sign", picture=signing.encode_png(signing.draw(signing.strokes_in(samples, box))))


async def confirm(customer: Customer, service: Service, chosen: Shot) -> bool:
    """Shows what would be sent. False: sign again."""
    guide = customer.booth.guide
    await guide.show(
        "confirm",
        picture=chosen.portrait_jpeg,
        service=customer.booth.service_name(service.id, guide.language),
        price=money(service.price_cents, guide.language),
    )
    return await customer.tap("yes", "redo") == "yes"


async def printer_ready(customer: Customer) -> None:
    """The last look before the commit: a ticket that cannot be printed is not sold. NotServed if it stays away."""
    booth = customer.booth
    if not (await booth.cabin.printer.status()).ready:
        await booth.guide.show("wait_printer")
        await customer.until(lambda: not {"printer", "paper"} & set(booth.gate.closed_by))


async def commit(customer: Customer, service: Service, chosen: Shot, signature_png: bytes) -> Outcome:
    """The commit, then the ticket. From here on nothing can be lost."""
    booth = customer.booth
    photo = Photo(chosen.portrait_jpeg, signature_png, chosen.overrides)
    owed = booth.ledger.commit(
        customer.number,
        language=booth.guide.language,
        service=service.id,
        price_cents=service.price_cents,
        photo=photo,
    )
    await hand_over(booth, owed, Proof(chosen.portrait_jpeg, signature_png, chosen.overrides))
    booth.ledger.end_visit(customer.number, "ticket")
    return "ticket"
