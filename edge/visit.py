"""One visit, from the first coin or tap to the ticket in the tray: one coroutine, readable as the story it is.

Before the commit nothing has happened to the customer's money; after it nothing can be lost. Whoever cancels, walks
away or cannot be served gets the whole credit as one claim.
"""

import asyncio
from contextlib import AbstractAsyncContextManager, nullcontext
from functools import partial

from hw.cabin import DeviceError, PenSample

from . import signature as signing
from .booth import Booth
from .config import Service
from .customer import Customer, CustomerCancelled, CustomerLeft, NotServed
from .deposit import Photo
from .guide import money, stacked
from .handover import Proof, hand_over, hand_over_claim, tell_claim
from .inputs import Input, Stroke
from .ledger_values import Outcome
from .shots import Shot, mirror, take_portrait


async def visit(booth: Booth, first: Input | None = None) -> Outcome:
    """Serves one customer; `first` is the touch that began it. A visit open in the ledger goes on (after a restart)."""
    open_visit = booth.ledger.open_visit()
    customer = Customer(booth, open_visit, first)
    outcome: Outcome
    try:
        service = await look_and_pay(customer, await choose_service(customer))
        shot = await take_portrait(customer)
        signature_png = await take_signature(customer)
        while not await confirm(customer, service, shot, signature_png):
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
    await close_slot(booth)
    claim = booth.ledger.end_visit(open_visit.number, outcome)
    if outcome != "abandoned":
        await tell_unclear(customer)
        if claim is not None:
            await hand_over_claim(booth, claim, outcome)
    await booth.guide.show("goodbye")
    return outcome


async def choose_service(customer: Customer) -> Service:
    """Language and service by the pen's fields; coins may fall meanwhile."""
    booth = customer.booth
    if customer.service is not None:
        return customer.service
    booth.wants_coins = True
    guide = booth.guide
    while True:
        await tell_unclear(customer)
        lines = [
            guide.say("visit.service.line", name=booth.service_name(s.id, guide.language),
                      price=money(s.price_cents, guide.language))
            for s in booth.config.services
        ]  # fmt: skip
        if credit := booth.ledger.credit_cents():
            lines.append(guide.say("visit.service.credit", credit=money(credit, guide.language)))
        await guide.show("choose", *lines, fields=tuple(f"service.{s.id}" for s in booth.config.services))
        service = _service(customer, customer.field(await customer.input()))
        if service is not None:
            customer.choose(service)
            return service


def _service(customer: Customer, name: str | None) -> Service | None:
    return customer.booth.config.service(name.removeprefix("service.")) if name else None


async def look_and_pay(customer: Customer, service: Service) -> Service:
    """The free look: live guidance says what would fail, while coins may fall at any time. Answers the service paid
    for: another may be touched while nothing is paid."""
    booth = customer.booth
    if customer.resumed.paid:
        return service
    while booth.ledger.credit_cents() < service.price_cents:
        await tell_unclear(customer)
        async with _look(customer, service):
            while booth.ledger.credit_cents() < service.price_cents and not customer.unclear:
                booth.wants_coins = True
                await _show_pay(customer, service)
                other = _service(customer, customer.field(await customer.input()))
                if other is not None and other is not service:
                    service = other
                    customer.choose(service)
                    break
    booth.wants_coins = False
    await close_slot(booth)
    booth.ledger.paid(customer.number)
    return service


def _look(customer: Customer, service: Service) -> AbstractAsyncContextManager[object]:
    if not customer.booth.guide.present:
        return nullcontext()
    return mirror(customer, partial(_show_pay, customer, service))


async def close_slot(booth: Booth) -> None:
    """No coin more, now: the gate's next look would be a second late."""
    try:
        await booth.cabin.coins.refuse()
    except DeviceError:
        return  # its own status closes the gate, and a slot that is gone takes nothing


async def tell_unclear(customer: Customer) -> None:
    """A coin that was not recognised is not credited; its claim is the customer's."""
    while customer.unclear:
        await hand_over_claim(customer.booth, customer.unclear.pop(0), "unclear_coin")
        customer.seen()


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
    box = booth.fields["signature"]
    samples: list[PenSample] = []
    refused: signing.Reason | None = None

    async def show() -> None:
        strokes = signing.strokes_in(samples, box)
        picture = await asyncio.to_thread(_signature_png, strokes) if strokes else None
        if refused is None or strokes:
            await guide.show("sign", picture=picture)
        else:
            await guide.show("sign_again", guide.say(f"signature.refused.{refused}"))

    await customer.display(show)
    while True:
        given = await customer.input()
        name = customer.field(given)
        if name == "redo":
            samples.clear()
            refused = None
            await show()
        elif name == "yes":
            strokes = signing.strokes_in(samples, box)
            refused = signing.judge(strokes, box).reason
            if refused is None:
                return await asyncio.to_thread(_signature_png, strokes)
            samples.clear()
            await show()
        elif isinstance(given, Stroke) and name in (None, "signature"):
            samples += given.ended
            await customer.display(show)
        else:
            await customer.keep_shown(given, name, show)


def _signature_png(strokes: tuple[signing.Stroke, ...]) -> bytes:
    return signing.encode_png(signing.draw(strokes))


async def confirm(customer: Customer, service: Service, chosen: Shot, signature_png: bytes) -> bool:
    """Shows what would be sent. False: sign again."""
    guide = customer.booth.guide
    picture = stacked([chosen.portrait_jpeg, signature_png])

    async def show() -> None:
        await guide.show(
            "confirm",
            picture=picture,
            service=customer.booth.service_name(service.id, guide.language),
            price=money(service.price_cents, guide.language),
        )

    return await customer.tap(show, "yes", "redo") == "yes"


async def printer_ready(customer: Customer) -> None:
    """The last look before the commit: a ticket that cannot be printed is not sold. NotServed if it stays away."""
    booth = customer.booth

    async def ready() -> bool:
        return (await booth.cabin.printer.status()).ready

    await customer.until(partial(booth.guide.show, "wait_printer"), ready)


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
    late = booth.ledger.end_visit(customer.number, "ticket")
    if late is not None:  # a coin that came after the commit
        await tell_claim(booth, "claim", late, on_paper=False)
    await tell_unclear(customer)
    return "ticket"
