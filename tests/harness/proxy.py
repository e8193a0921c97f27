"""A bad network between clients and a server: a TCP relay that delays, dribbles, stops, goes silent.

It is above TCP, so loss and reordering of packets can only be shown as what they come to there:
bytes that come late, in other pieces, or not at all. What the kernels make of a dead path themselves
(TCP_USER_TIMEOUT) is not covered.
"""

import collections
import random
import selectors
import socket
import struct
import threading
import time

RESET = struct.pack("ii", 1, 0)
HELD_MAX = 65536  # under way in a direction


class Way:
    """One direction of a connection."""

    def __init__(self, source, target):
        self.source, self.target = source, target
        self.held = collections.deque()  # (when it is due, bytes)
        self.bytes = 0
        self.ended = self.told = False

    def wants(self):
        return not self.ended and sum(len(data) for _, data in self.held) < HELD_MAX

    def passed(self):
        return self.ended and not self.held


class Proxy:
    """Listens at `address`. All of the following may be changed at any time:

    delay_s: (least, most) that a piece of bytes is under way; order is kept.
    piece: at most so many bytes are written at once; 0: all.
    stopped: nothing is read from either side any more; their windows close.
    silent: what comes is swallowed, and ends are not passed on: the other side has vanished.
    """

    def __init__(self, target, seed=1):
        self.target = target
        self.delay_s, self.piece, self.stopped, self.silent = (0, 0), 0, False, False
        self.random = random.Random(seed)
        self.lock = threading.Lock()
        self.ways = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setblocking(False)
        self.address = self.listener.getsockname()
        self.done = False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def reset(self):
        """Both sides see a reset, whatever is under way."""
        with self.lock:
            for way in self.ways:
                if way.source.fileno() >= 0:
                    self._drop(way.source)
            self.ways.clear()

    def close(self):
        self.done = True
        self.thread.join()
        self.reset()
        self.listener.close()

    @staticmethod
    def _drop(sock):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        sock.close()

    def _run(self):
        while not self.done:
            with self.lock:
                self._accept()
                for way in list(self.ways):
                    self._carry(way)
                waits = [way.source for way in self.ways if way.wants() and not self.stopped]
                now = time.monotonic()
                due = [way.held[0][0] - now for way in self.ways if way.held]
            self._wait([self.listener, *waits], min([0.005 if d <= 0 else d for d in due] + [0.02]))

    @staticmethod
    def _wait(sockets, timeout):
        with selectors.DefaultSelector() as selector:
            for sock in sockets:
                if sock.fileno() >= 0:
                    selector.register(sock, selectors.EVENT_READ)
            selector.select(timeout)

    def _accept(self):
        try:
            client, _ = self.listener.accept()
        except BlockingIOError:
            return
        server = socket.create_connection(self.target)
        for sock in (client, server):
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.ways += [Way(client, server), Way(server, client)]

    def _carry(self, way):
        if self.stopped or way.told:
            return
        try:
            if way.wants():
                self._read(way)
            self._write(way)
        except BlockingIOError:
            pass
        except OSError:  # one side is gone without an end: so is the other
            for sock in (way.source, way.target):
                if not self.silent and sock.fileno() >= 0:
                    self._drop(sock)
            way.ended = way.told = True
            way.held.clear()

    def _read(self, way):
        try:
            data = way.source.recv(4096)
        except BlockingIOError:
            return
        way.ended = not data
        if data and not self.silent:
            last = way.held[-1][0] if way.held else 0
            way.held.append((max(last, time.monotonic() + self.random.uniform(*self.delay_s)), data))

    def _write(self, way):
        while way.held and way.held[0][0] <= time.monotonic():
            when, data = way.held[0]
            sent = way.target.send(data[:self.piece] if self.piece else data)
            way.bytes += sent
            if sent < len(data):
                way.held[0] = (when, data[sent:])
            else:
                way.held.popleft()
            if self.piece:
                break
        if way.passed() and not self.silent:
            way.target.shutdown(socket.SHUT_WR)
            way.told = True
