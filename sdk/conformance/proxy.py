"""A proxy that loses answers: it passes requests of HTTP/2 connections on and cuts the connection instead of an answer."""

import socket
import threading

# What an HTTP/2 frame begins with: three bytes of length, type, flags, four bytes of stream (RFC 9113, 4.1).
FRAME_HEADER_BYTES = 9
HEADERS = 0x1
# A watch's stream is an answer too: its headers come at once, and are lost like any other.


class LosingProxy:
    """Listens on a free port of loopback and leads to `upstream` (host, port)."""

    def __init__(self, upstream):
        self.upstream = upstream
        self._lock = threading.Lock()
        self._to_lose = 0
        self.lost = 0
        self._sockets = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def lose(self, answers):
        """Loses the next so many answers; -1: all, 0: none any more."""
        with self._lock:
            self._to_lose = answers

    def close(self):
        self._listener.close()
        with self._lock:
            sockets = list(self._sockets)
        for each in sockets:
            _shut(each)

    def _take(self):
        """Whether the answer that begins now is to be lost."""
        with self._lock:
            if self._to_lose == 0:
                return False
            self._to_lose -= self._to_lose > 0
            self.lost += 1
            return True

    def _accept(self):
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(caller,), daemon=True).start()

    def _serve(self, caller):
        try:
            gateway = socket.create_connection(self.upstream, timeout=10)
        except OSError:
            caller.close()
            return
        gateway.settimeout(None)
        with self._lock:
            self._sockets |= {caller, gateway}
        for each in (caller, gateway):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        requests = threading.Thread(target=self._requests, args=(caller, gateway), daemon=True)
        requests.start()
        self._answers(gateway, caller)
        for each in (caller, gateway):
            _shut(each)
        requests.join()
        with self._lock:
            self._sockets -= {caller, gateway}
        caller.close()
        gateway.close()

    def _requests(self, caller, gateway):
        try:
            while data := caller.recv(65536):
                gateway.sendall(data)
        except OSError:
            pass
        _shut(gateway)

    def _answers(self, gateway, caller):
        """Passes frames on, each whole, until one begins an answer that is to be lost."""
        buffer = bytearray()
        try:
            while data := gateway.recv(65536):
                buffer += data
                while len(buffer) >= FRAME_HEADER_BYTES:
                    length = FRAME_HEADER_BYTES + int.from_bytes(buffer[:3], "big")
                    if len(buffer) < length:
                        break
                    if buffer[3] == HEADERS and self._take():
                        return
                    caller.sendall(buffer[:length])
                    del buffer[:length]
        except OSError:
            return


def _shut(each):
    try:
        each.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
