"""A sample ticket of this booth: real in everything but its code, which no fleet knows."""

import secrets

from .. import code as codes
from ..clock import PARIS, SystemClock, expiry, expiry_day
from ..config import Config
from ..ticket import Ticket, draw_ticket
from ..ticket_blocks import Bits


def sample_rows(config: Config) -> Bits:
    """The ticket of the first service, with empty frames, as H × 576 dots."""
    now = SystemClock(config.booth.clock).now()
    service = config.services[0]
    return draw_ticket(
        Ticket(
            code=codes.make(secrets.token_bytes),
            visit="SAMPLE0000",
            service=service.id,
            service_fr=service.name_fr,
            service_en=service.name_en,
            price_cents=service.price_cents,
            issued_on=now.astimezone(PARIS).date(),
            expires_on=expiry_day(expiry(now)),
            booth=config.booth.id,
            place=config.booth.place,
            hotline=config.booth.hotline,
            status_url=config.booth.status_url,
        )
    )
