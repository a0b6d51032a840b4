"""A TCP proxy between Kafka's clients and its brokers, for tests: cuts connections, holds them up, and delivers what a client sent after
the client has given up. Nothing but the standard library."""
import asyncio
import socket
import struct
import threading

CHUNK = 1 << 16
ANSWER_S = 30


class Connection:
    """One connection of a client, and the proxy's own to the broker. While it is held, what comes from either side waits here."""

    def __init__(self, node, client, broker):
        self.node = node
        self.name = ""  # the client.id, once it has said so
        self.client, self.broker = client, broker  # (reader, writer) each
        self.held = None  # [(writer, bytes)], while it is held
        self.client_gone = False

    async def pass_on(self):
        await asyncio.gather(self._pump(self.client[0], self.broker[1]), self._pump(self.broker[0], self.client[1]))

    async def _pump(self, reader, writer):
        try:
            while data := await reader.read(CHUNK):
                if reader is self.client[0] and not self.name:
                    self.name = client_id(data)
                if self.client_gone and writer is self.client[1]:
                    continue
                if self.held is not None:
                    self.held.append((writer, data))
                    continue
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        if not self.client_gone:
            self.cut()

    def hold(self):
        self.held = []

    def release(self):
        held, self.held = self.held, None
        for writer, data in held or ():
            if not (self.client_gone and writer is self.client[1]):
                writer.write(data)

    def cut_client(self):
        """The client finds its connection reset; what it sent is still to be delivered."""
        self.client_gone = True
        reset(self.client[1])

    def cut(self):
        reset(self.client[1])
        reset(self.broker[1])


def client_id(request):
    """Of a Kafka request: size, API, version and correlation come before it."""
    try:
        (length,) = struct.unpack_from(">h", request, 12)
        return request[14:14 + length].decode()
    except (struct.error, UnicodeDecodeError):
        return ""


def reset(writer):
    """RST rather than FIN: nothing more comes, and nothing is waited for."""
    if writer.transport.is_closing():
        return
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class Proxy:
    """Listens on each port in `routes`, {port: broker's port}, and passes on. A context manager. Runs on a thread of its own; its methods
    may be called from any other."""

    def __init__(self, routes):
        self.routes = routes
        self.connections = set()
        self.servers = []
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, name="proxy", daemon=True)

    def __enter__(self):
        self.thread.start()
        for node, (port, broker_port) in enumerate(self.routes.items(), 1):
            self._do(self._listen(node, port, broker_port))
        return self

    def __exit__(self, *_):
        self._do(self._close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()

    def bootstrap(self):
        return ",".join(f"127.0.0.1:{port}" for port in self.routes)

    def cut(self, wanted):
        """Resets every connection that `wanted(connection)` says; returns how many."""
        return self._do(self._cut(wanted))

    def stall(self, wanted, seconds):
        """Holds up what they carry, and then delivers it. Returns a future of how many it were, as the next does."""
        return self._start(self._stall(wanted, seconds))

    def deliver_late(self, wanted, cut_after_s, deliver_after_s):
        """Holds up what they carry, resets the clients, and later delivers to the brokers what the clients had sent."""
        return self._start(self._deliver_late(wanted, cut_after_s, deliver_after_s))

    def _do(self, coroutine):
        return self._start(coroutine).result(ANSWER_S)

    def _start(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    async def _listen(self, node, port, broker_port):
        async def accept(reader, writer):
            try:
                broker = await asyncio.open_connection("127.0.0.1", broker_port)
            except OSError:
                return reset(writer)
            connection = Connection(node, (reader, writer), broker)
            self.connections.add(connection)
            try:
                await connection.pass_on()
            finally:
                self.connections.discard(connection)

        self.servers.append(await asyncio.start_server(accept, "127.0.0.1", port))

    def _chosen(self, wanted):
        return [one for one in self.connections if one.held is None and wanted(one)]

    async def _cut(self, wanted):
        chosen = self._chosen(wanted)
        for one in chosen:
            one.cut()
        return len(chosen)

    async def _stall(self, wanted, seconds):
        chosen = self._chosen(wanted)
        for one in chosen:
            one.hold()
        await asyncio.sleep(seconds)
        for one in chosen:
            one.release()
        return len(chosen)

    async def _deliver_late(self, wanted, cut_after_s, deliver_after_s):
        chosen = self._chosen(wanted)
        for one in chosen:
            one.hold()
        await asyncio.sleep(cut_after_s)
        for one in chosen:
            one.cut_client()
        await asyncio.sleep(deliver_after_s)
        for one in chosen:
            one.release()
        # The brokers find the connection closed once they have read what was late.
        for one in chosen:
            one.broker[1].close()
        return len(chosen)

    async def _close(self):
        for server in self.servers:
            server.close()
        for one in list(self.connections):
            one.cut()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
