"""Carries one kind of connection over another, both ways, until either end closes: the machine's cabin socket."""

import asyncio
from collections.abc import Awaitable, Callable

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def carry(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connect: Callable[[], Awaitable[Streams]]
) -> None:
    """What arrives on one goes out on the other; where one closes both are closed."""
    try:
        far_reader, far_writer = await connect()
    except OSError:
        writer.close()
        return
    try:
        ways = [asyncio.ensure_future(_pass(*way)) for way in ((reader, far_writer), (far_reader, writer))]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
    except asyncio.CancelledError:
        return  # the loop ends
    finally:
        for end in (writer, far_writer):
            end.close()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        return
