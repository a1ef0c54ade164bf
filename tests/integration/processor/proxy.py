"""A TCP proxy that can cut its connections, also at a chosen step of the protocol."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Proxy:
    """Passes bytes between clients and the server; each piece that it reads is one step."""

    server_port: int
    port: int = 0
    steps: int = 0
    cut_at: int | None = None  # the step at which it cuts all connections, once
    hold: bool = False  # swallow all bytes, as a network that drops packets does
    refuse: bool = False  # accept no connections
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    def cut(self) -> None:
        """End every connection at once, without a goodbye."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refuse:
            writer.transport.abort()
            return
        try:
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self.server_port)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, server_writer}
        await asyncio.gather(self._pump(reader, server_writer), self._pump(server_reader, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                self.steps += 1
                if self.steps == self.cut_at:
                    self.cut()
                    return
                if not self.hold:
                    writer.write(data)
                    await writer.drain()
        except OSError:
            pass
        finally:
            writer.transport.abort()
            self._writers.discard(writer)


@asynccontextmanager
async def proxy(server_port: int) -> AsyncIterator[Proxy]:
    """Start a proxy to the server on a free port of 127.0.0.1."""
    made = Proxy(server_port)
    listener = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = listener.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        listener.close()
        made.cut()
