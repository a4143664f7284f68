"""One stream, any number of readers, each with a queue of its own that begins when it asks."""

import asyncio
from typing import Generic, TypeVar
from weakref import WeakSet

from hw.cabin import DeviceError

T = TypeVar("T")


class Reader(Generic[T]):
    """One reader's iterator; it is forgotten when its owner drops it."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[T | DeviceError] = asyncio.Queue()

    def put(self, item: T | DeviceError) -> None:
        self._queue.put_nowait(item)

    def __aiter__(self) -> "Reader[T]":
        return self

    async def __anext__(self) -> T:
        item = await self._queue.get()
        if isinstance(item, DeviceError):
            raise item
        return item


class Feed(Generic[T]):
    def __init__(self) -> None:
        self._readers: WeakSet[Reader[T]] = WeakSet()

    def reader(self) -> Reader[T]:
        reader: Reader[T] = Reader()
        self._readers.add(reader)
        return reader

    def put(self, item: T) -> None:
        for reader in list(self._readers):
            reader.put(item)

    def end_one(self, reader: Reader[T], error: DeviceError) -> None:
        """This reader ends with `error`."""
        reader.put(error)
        self._readers.discard(reader)

    def end(self, error: DeviceError) -> None:
        """Every reader ends with `error` after what it has not read yet."""
        for reader in list(self._readers):
            self.end_one(reader, error)
