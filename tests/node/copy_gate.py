# SPDX-License-Identifier: EUPL-1.2
"""A relay on loopback that lets so many bytes through and then holds them: the middle of an upload, for as long as a test needs it."""
import socket
import threading

from ports import free_port


class Gate:
    """Relays connections to 127.0.0.1:to; of what clients send, no more than `limit` bytes in all (None: everything)."""

    def __init__(self, to):
        self.to, self.port = to, free_port()
        self.lock = threading.Condition()
        self.limit, self.passed, self.held, self.ends, self.closed = None, 0, False, [], False
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.to))
            except OSError:
                client.close()
                continue
            with self.lock:
                self.ends += [client, server]
            threading.Thread(target=self.relay, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self.relay, args=(server, client, False), daemon=True).start()

    def relay(self, source, sink, counted):
        try:
            while data := source.recv(16384):
                if counted:
                    self.pass_by(len(data))
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        source.close()

    def pass_by(self, size):
        with self.lock:
            while self.limit is not None and self.passed + size > self.limit and not self.closed:
                self.held = True
                self.lock.wait()
            self.passed += size

    def hold_after(self, size):
        """From now on: so many bytes more."""
        with self.lock:
            self.limit, self.held = self.passed + size, False

    def open(self):
        with self.lock:
            self.limit, self.held = None, False
            self.lock.notify_all()

    def cut(self):
        """Ends all connections; what was held is gone with them."""
        with self.lock:
            ends, self.ends = self.ends, []
        for end in ends:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.close()
        with self.lock:
            self.closed = True
            self.lock.notify_all()
        self.cut()
