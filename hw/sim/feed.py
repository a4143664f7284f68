"""One stream, any number of readers, each with a queue of its own that begins when it asks."""

import asyncio
from typing import Generic, TypeVar
from weakref import WeakSet

from hw.cabin import DeviceMissing

T = TypeVar("T")


class Reader(Generic[T]):
    """One reader's iterator; it is forgotten when its owner drops it."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[T | DeviceMissing] = asyncio.Queue()

    def put(self, item: T | DeviceMissing) -> None:
        self._queue.put_nowait(item)

    def __aiter__(self) -> "Reader[T]":
        return self

    async def __anext__(self) -> T:
        item = await self._queue.get()
        if isinstance(item, DeviceMissing):
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

    def end_one(self, reader: Reader[T], device: str, why: str) -> None:
        """This reader ends with DeviceMissing."""
        reader.put(DeviceMissing(device, why))
        self._readers.discard(reader)

    def end(self, device: str, why: str) -> None:
        """Every reader ends with DeviceMissing after what it has not read yet."""
        for reader in list(self._readers):
            self.end_one(reader, device, why)
