"""A TCP proxy whose connections can be cut, held up and refused."""
import asyncio
import contextlib
import random
import socket
import struct
import threading


class Proxy:
    """Stands before one port of this machine. Its methods may be called from any thread."""

    def __init__(self, name: str, seed: int):
        self.name = name
        self.random = random.Random(f"{name} {seed}")
        self.target = None  # set before the first connection
        self.delay = 0.0
        self.connections = set()
        self.cuts = 0
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, name=f"proxy {name}", daemon=True).start()
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        self.server = self._call(asyncio.start_server(self._serve, sock=listener))

    def _call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    def cut(self, share: float) -> int:
        """Resets that share of the connections; how many they were."""
        return self._call(self._cut(share))

    def slow(self, seconds: float) -> None:
        """Every piece of data takes that much longer; 0: no longer."""
        self.delay = seconds

    def refuse(self, yes: bool) -> None:
        """New connections are refused, and those there are reset."""
        self._call(self._refuse(yes))

    async def _cut(self, share):
        chosen = [one for one in self.connections if self.random.random() < share]
        for one in chosen:
            for writer in one:
                # Linger zero: a reset, as from a router that lost its tables, not an orderly end.
                with contextlib.suppress(OSError):
                    writer.get_extra_info("socket").setsockopt(
                        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
        self.cuts += len(chosen)
        return len(chosen)

    async def _refuse(self, yes):
        if yes and self.server:
            self.server.close()
            self.server = None
            await self._cut(1)
        elif not yes and not self.server:
            self.server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def _serve(self, reader, writer):
        try:
            there, out = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            return writer.transport.abort()
        pair = (writer, out)
        self.connections.add(pair)
        try:
            await asyncio.gather(self._pump(reader, out), self._pump(there, writer))
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self.connections.discard(pair)
            for one in pair:
                one.transport.abort()

    async def _pump(self, reader, writer):
        while data := await reader.read(65536):
            if self.delay:
                await asyncio.sleep(self.delay)
            writer.write(data)
            await writer.drain()
        if not writer.is_closing():
            writer.write_eof()
