"""A bad link: a TCP proxy on loopback that cuts, slows down and counts. Bounded by the number of its cuts."""

import asyncio

_End = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Proxy:
    """`cut_after_bytes` up the link, or `cut_after_s`, ends a connection, at most `cuts` times; `bytes_per_s` slows the
    way up down."""

    def __init__(
        self,
        port: int,
        *,
        cut_after_bytes: int = 0,
        cut_after_s: float | None = None,
        cuts: int = 0,
        bytes_per_s: float = 0.0,
    ) -> None:
        self._target = port
        self._cut_after_s = cut_after_s
        self.cut_after_bytes, self.cuts_left, self._bytes_per_s = cut_after_bytes, cuts, bytes_per_s
        self.cuts = 0
        self.up_bytes = 0
        self.connections = 0
        self._open: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "Proxy":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()
        await asyncio.gather(*self._serving)
        await self._server.wait_closed()

    def cut(self) -> None:
        """Ends every connection at once, as a lost carrier does."""
        self.cuts += bool(self._open)
        for writer in self._open:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, up_writer}
        try:
            await self._carry((reader, writer), (up_reader, up_writer))
        except TimeoutError:
            self.cuts_left -= 1
            self.cuts += 1
        finally:
            self._open -= {writer, up_writer}
            for end in (writer, up_writer):
                end.transport.abort()

    async def _carry(self, booth: "_End", broker: "_End") -> None:
        try:
            async with asyncio.timeout(self._cut_after_s if self.cuts_left else None), asyncio.TaskGroup() as tasks:
                tasks.create_task(self._pump(booth[0], broker[1], up=True))
                tasks.create_task(self._pump(broker[0], booth[1], up=False))
        except* ConnectionError:
            pass  # cut: that is what it is for

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, up: bool) -> None:
        passed = 0
        while data := await reader.read(4096):
            if up:
                passed += len(data)
                self.up_bytes += len(data)
                if self._bytes_per_s:
                    await asyncio.sleep(len(data) / self._bytes_per_s)
                if self.cut_after_bytes and self.cuts_left and passed >= self.cut_after_bytes:
                    self.cuts_left -= 1
                    self.cuts += 1
                    raise ConnectionResetError
            writer.write(data)
            await writer.drain()
        raise ConnectionResetError  # one side closed: the other follows
