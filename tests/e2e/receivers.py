# SPDX-License-Identifier: Apache-2.0
"""Receivers of alerts: real sockets on this machine, which can be slow, full, down and up again."""
import http.server
import json
import socket
import ssl
import threading
import time

PATIENCE = 30.0


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(true, seconds=PATIENCE):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := true():
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s")


class Hook:
    """A web hook. answer(n): the status of the n-th request; None: nothing is answered and the line is cut."""

    def __init__(self, port=0, answer=lambda n: 200, delay=0.0, tls=None, location=None):
        self.got, self.asked = [], 0  # got: (Idempotency-Key, JSON) of what was acknowledged
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                number, hook.asked = hook.asked, hook.asked + 1
                time.sleep(delay)
                status = answer(number)
                if status is None:
                    self.close_connection = True
                    return
                if status == 200:
                    hook.got.append((self.headers["Idempotency-Key"], json.loads(body)))
                self.send_response(status)
                if location:
                    self.send_header("Location", location)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *words):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = allow_reuse_address = True

            def handle_error(self, request, client_address):
                pass

        self.server = Server(("127.0.0.1", port), Handler)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Datagrams:
    """UDP, or a path of this machine."""

    def __init__(self, path=None):
        self.socket = socket.socket(socket.AF_UNIX if path else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(str(path) if path else ("127.0.0.1", 0))
        self.socket.settimeout(PATIENCE)
        self.port = None if path else self.socket.getsockname()[1]

    def next(self):
        return self.socket.recv(1 << 16).decode()

    def close(self):
        self.socket.close()


class Stream:
    """Syslog over TCP, with octet counting (RFC 6587)."""

    def __init__(self, port=0):
        self.server = socket.create_server(("127.0.0.1", port))
        self.server.settimeout(PATIENCE)
        self.port = self.server.getsockname()[1]
        self.file = self.client = None

    def next(self):
        if self.file is None:
            self.client = self.server.accept()[0]
            self.client.settimeout(PATIENCE)
            self.file = self.client.makefile("rb")
        digits = b""
        while (byte := self.file.read(1)) != b" ":
            assert byte.isdigit(), byte
            digits += byte
        return self.file.read(int(digits)).decode()

    def close(self):
        if self.file:
            self.file.close()
            self.client.close()
        self.server.close()
