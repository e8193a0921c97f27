"""Proxies for clients: SOCKS5 (RFC 1928, 1929) and HTTP CONNECT. They resolve names by a table.

    with Tunnel("socks5", hosts={"one.example": server.address}) as proxy:
        home.account(..., proxy=proxy.url)
    proxy.asked             # [("one.example", 5222)]
"""

import base64
import socket
import struct
import threading


class Tunnel:
    """kind: socks5 or http. hosts: address by name, for whatever port is asked for; what is not in
    it is refused. login: (user, password) that must be given."""

    def __init__(self, kind, hosts=None, login=None):
        self.kind, self.hosts, self.login = kind, hosts or {}, login
        self.asked = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        who = "" if login is None else f"{login[0]}:{login[1]}@"
        self.url = f"{kind}://{who}127.0.0.1:{self.port}"
        self.socks = []
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for sock in (self.listener, *self.socks):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.socks.append(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        try:
            target = self._socks5(sock) if self.kind == "socks5" else self._http(sock)
            if target is not None:
                self.socks.append(target)
                threading.Thread(target=_copy, args=(target, sock), daemon=True).start()
                _copy(sock, target)
            else:
                sock.shutdown(socket.SHUT_WR)
        except (OSError, ValueError, IndexError):
            sock.close()

    def _reach(self, host, port):
        self.asked.append((host, port))
        address = self.hosts.get(host)
        return None if address is None else socket.create_connection(address)

    def _socks5(self, sock):
        version, methods = _take(sock, 2)
        offered = _take(sock, methods)
        method = 2 if self.login else 0
        if version != 5 or method not in offered:
            sock.sendall(b"\x05\xff")
            return None
        sock.sendall(bytes([5, method]))
        if self.login:
            _, length = _take(sock, 2)
            user = _take(sock, length)
            password = _take(sock, _take(sock, 1)[0])
            good = (user.decode(), password.decode()) == self.login
            sock.sendall(b"\x01\x00" if good else b"\x01\x01")
            if not good:
                return None
        _, command, _, kind = _take(sock, 4)
        if kind == 3:
            host = _take(sock, _take(sock, 1)[0]).decode()
        else:
            family, length = (socket.AF_INET, 4) if kind == 1 else (socket.AF_INET6, 16)
            host = socket.inet_ntop(family, _take(sock, length))
        port, = struct.unpack("!H", _take(sock, 2))
        target = self._reach(host, port) if command == 1 else None
        sock.sendall(bytes([5, 0 if target else 4, 0, 1, 0, 0, 0, 0, 0, 0]))
        return target

    def _http(self, sock):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += _take(sock, 1)
        request, *lines = head.decode().split("\r\n")
        method, target, _ = request.split(" ")
        headers = dict(line.lower().split(": ", 1) for line in lines if line)
        if self.login:
            said = base64.b64encode(":".join(self.login).encode()).decode().lower()
            if headers.get("proxy-authorization") != f"basic {said}":
                sock.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
                return None
        host, _, port = target.rpartition(":")
        found = self._reach(host, int(port)) if method == "CONNECT" else None
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n" if found else b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
        return found


def _take(sock, count):
    data = b""
    while len(data) < count:
        piece = sock.recv(count - len(data))
        if not piece:
            raise OSError("the client has closed")
        data += piece
    return data


def _copy(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass
