# SPDX-License-Identifier: EUPL-1.2
"""A simulated member, and a simulated hub, that speak the protocol of docs/FEDERATION.md over real TLS: right, so that the
wire is known to be what the page says, and wrong in every way that a test asks for."""
import base64
import datetime
import hashlib
import http.client
import http.server
import json
import os
import ssl
import tempfile
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, x25519
from cryptography.x509.oid import NameOID

from world import LIMIT_S, socket_in

BASE = "/federation/v1/"


def b64(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def jcs(value):
    """RFC 8785 for what is used here: text, whole numbers, ASCII keys."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def when(seconds=0):
    t = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return t.strftime("%Y-%m-%dT%H:%M:%SZ")


def raw_key(key):
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def pem_key(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def pem(cert):
    return cert.public_bytes(serialization.Encoding.PEM).decode()


class Identity:
    """Keys of a node."""

    def __init__(self, node=None):
        self.node = node or os.urandom(16).hex()
        self.sign = ed25519.Ed25519PrivateKey.generate()
        self.seal = x25519.X25519PrivateKey.generate()
        self.tls = ec.generate_private_key(ec.SECP256R1())

    @property
    def sign_text(self):
        return b64(raw_key(self.sign.public_key()))

    @property
    def seal_text(self):
        return b64(raw_key(self.seal.public_key()))

    @property
    def fingerprint(self):
        both = raw_key(self.sign.public_key()) + raw_key(self.seal.public_key())
        text = base64.b32encode(hashlib.blake2b(both, digest_size=32).digest()[:20]).decode()
        return "-".join(text[i:i + 4] for i in range(0, 32, 4))

    def signature(self, prefix, form):
        return b64(self.sign.sign(prefix.encode() + form))

    def envelope(self, circle, epoch, body, kind="x-note", key=None, **other):
        """A signed envelope; `other` sets or (None) leaves out fields before it is signed."""
        e = {"v": 1, "type": kind, "issuer": self.node, "circle": circle, "audience": {"all": True}, "tlp": "GREEN",
             "pap": "CLEAR", "chr": False, "created": when(), "expires": when(86400), "epoch": epoch, "body": body}
        for k, v in other.items():
            if v is None:
                e.pop(k, None)
            else:
                e[k] = v
        form = jcs(e)
        e["id"] = hashlib.sha256(form).hexdigest()
        e["sig"] = (key or self).signature("sereno-envelope-1\n", form)
        return e

    def request(self):
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.node)])
        return x509.CertificateSigningRequestBuilder().subject_name(name).sign(self.tls, hashes.SHA256())

    def certificate(self, days=30):
        """Self-signed, for the own name: of no authority."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.node)])
        now = datetime.datetime.now(datetime.timezone.utc)
        return (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(self.tls.public_key())
                .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
                .not_valid_after(now + datetime.timedelta(days=days)).sign(self.tls, hashes.SHA256()))


def push_body(envelopes, epoch, first):
    return b'{"envelopes":[' + b",".join(e if isinstance(e, bytes) else jcs(e) for e in envelopes) + \
        b'],"epoch":%d,"from":%d}' % (epoch, first)


class Member(Identity):
    """A member node, without a node."""

    def __init__(self, hub, organisation, node=None):
        super().__init__(node)
        self.hub, self.organisation, self.cert = hub, organisation, None
        self.up_epoch, self.up_seq, self.down_epoch, self.down_seq, self.down_id = 1, 0, 0, 0, ""

    def context(self, cert=None, version=ssl.TLSVersion.TLSv1_3):
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
        c.minimum_version = c.maximum_version = version
        cert = cert or self.cert
        if cert:
            with tempfile.NamedTemporaryFile("wb", suffix=".pem") as f:
                f.write(cert.encode() + pem_key(self.tls))
                f.flush()
                c.load_cert_chain(f.name)
        return c

    def ask(self, method, path, body=None, headers=None, context=None, timeout=LIMIT_S):
        """(status, document); the document may be raw bytes."""
        plain = socket_in(self.hub.namespace, (self.hub.address, self.hub.hub_port), timeout)
        c = http.client.HTTPSConnection(self.hub.address, self.hub.hub_port, timeout=timeout)
        c.sock = (context or self.context()).wrap_socket(plain)
        try:
            c.request(method, BASE + path, body, headers or {})
            r = c.getresponse()
            raw = r.read()
        finally:
            c.close()
        try:
            return r.status, json.loads(raw)
        except ValueError:
            return r.status, raw

    def enrol(self, world, circle, admin=None):
        code = self.hub.code(circle, self.organisation)
        status, got = self.ask("POST", "enrol", jcs({
            "code": code, "org": self.organisation, "node": self.node, "sign": self.sign_text, "seal": self.seal_text,
            "csr": self.request().public_bytes(serialization.Encoding.PEM).decode()}))
        assert status == 200, (status, got)
        proof = self.signature("sereno-request-1\n", got["request"].encode())
        assert self.ask("GET", "enrol/" + got["request"], headers={"Sereno-Proof": proof})[0] == 202
        self.hub.approve({"id": got["request"]}, self.fingerprint, admin)
        status, done = self.ask("GET", "enrol/" + got["request"], headers={"Sereno-Proof": proof})
        assert status == 200, (status, done)
        self.cert, self.membership = done["certificate"], done["membership"]
        self.request_id = got["request"]
        return self

    def hello(self):
        status, view = self.ask("POST", "hello", jcs({
            "up": {"epoch": self.up_epoch, "seq": self.up_seq}, "version": "sim", "clock": 0, "circles": {},
            "down": {"epoch": self.down_epoch, "seq": self.down_seq, "hash": self.down_id}}))
        assert status == 200, (status, view)
        return view

    def push(self, envelopes, first=None, epoch=None, **more):
        """The hub's answer to a push; numbers go on by themselves when it is taken."""
        first = self.up_seq + 1 if first is None else first
        status, got = self.ask("POST", "push", push_body(envelopes, epoch or self.up_epoch, first), **more)
        if status == 200:
            self.up_seq = max(self.up_seq, got["seq"])
        return status, got

    def pull(self, wait=0):
        status, got = self.ask("GET", "pull?epoch=%d&after=%d&wait=%d" % (self.down_epoch, self.down_seq, wait))
        assert status == 200, (status, got)
        if got["envelopes"]:
            self.down_epoch, self.down_seq = got["epoch"], got["envelopes"][-1]["seq"]
            self.down_id = got["envelopes"][-1]["envelope"]["id"]
        return [e["envelope"] for e in got["envelopes"]]


class SimulatedHub(Identity):
    """A hub on loopback that says what a test tells it to. `answers[name]` may be a function(handler) that answers instead;
    names are enrol, enrolled, hello, push, pull, renew."""

    def __init__(self):
        super().__init__()
        self.officer = ed25519.Ed25519PrivateKey.generate()
        self.answers, self.asked, self.down, self.pushed = {}, [], [], []
        self.circle, self.epoch, self.down_epoch, self.member = "sim-circle", 1, 1, None
        self.news = threading.Condition()
        self.server_identity = Identity(self.node)
        self.serve()

    # ---- what it says ----

    def entry(self, identity, org, classes, state="active", since=1):
        return {"node": identity.node, "org": org, "sign": identity.sign_text, "seal": identity.seal_text, "classes": classes,
                "state": state, "since": since}

    def membership(self, epoch, members=(), keys=None, **other):
        m = {"v": 1, "circle": self.circle, "name": "Simulated", "class": "member", "quorum": 1, "warn": 2, "show": 5,
             "epoch": epoch, "issued": when(-1), "expires": when(86400),
             "hub": {"node": self.node, "sign": self.sign_text, "seal": self.seal_text},
             "officers": [{"name": "eve", "key": b64(raw_key(self.officer.public_key()))}],
             "members": sorted([self.entry(self, "Simulated", ["member", "hub"]), self.member, *members],
                               key=lambda x: x["node"]), **other}
        form = jcs(m)
        m["sigs"] = sorted(({"key": b64(raw_key(k.public_key())), "sig": b64(k.sign(b"sereno-membership-1\n" + form))}
                            for k in (keys if keys is not None else [self.sign, self.officer])), key=lambda x: x["key"])
        return m

    def tell(self, *envelopes):
        """Into the stream to the member."""
        with self.news:
            self.down += [e if isinstance(e, bytes) else jcs(e) for e in envelopes]
            self.news.notify_all()

    def announce(self, membership, epoch=None):
        self.tell(self.envelope(self.circle, epoch or self.epoch, membership, kind="membership"))

    # ---- as a server ----

    def say_enrol(self, h):
        asked = json.loads(h.body)
        self.member = {"node": asked["node"], "org": asked["org"], "sign": asked["sign"], "seal": asked["seal"],
                       "classes": ["member"], "state": "active", "since": 1}
        self.csr = x509.load_pem_x509_csr(asked["csr"].encode())
        pin = hashlib.sha256(self.server_identity.tls.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)).hexdigest()
        hub = {"name": "Simulated", "node": self.node, "seal": self.seal_text, "sign": self.sign_text, "tls": pin}
        request = "01234567-89ab-7def-8123-456789abcdef"
        sig = self.signature("sereno-hub-1\n", request.encode() + b"\n" + jcs(hub))
        h.say(200, jcs({"hub": hub, "fingerprint": self.fingerprint, "request": request, "sig": sig}))

    def say_enrolled(self, h):
        now = datetime.datetime.now(datetime.timezone.utc)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.member["node"])])
        cert = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(self.csr.public_key())
                .serial_number(7).not_valid_before(now - datetime.timedelta(hours=1))
                .not_valid_after(now + datetime.timedelta(days=9)).sign(self.tls, hashes.SHA256()))
        m = self.membership(self.epoch)
        h.say(200, jcs({"certificate": pem(cert), "membership": m, "officers": m["officers"]}))

    def say_hello(self, h):
        asked = json.loads(h.body)
        h.say(200, jcs({"circles": {}, "clock": 0, "down": {"epoch": self.down_epoch, "hash": "", "seq": len(self.down)},
                        "node": self.node, "up": {"epoch": asked["up"]["epoch"], "hash": "", "seq": asked["up"]["seq"]},
                        "version": "sim"}))

    def say_push(self, h):
        got = json.loads(h.body)
        self.pushed += got["envelopes"]
        h.say(200, jcs({"refused": [], "seq": got["from"] + len(got["envelopes"]) - 1}))

    def say_pull(self, h):
        after = int(h.path.split("after=")[1].split("&")[0])
        with self.news:
            self.news.wait_for(lambda: len(self.down) > after, timeout=1)
            rows = list(enumerate(self.down))[after:after + 100]
        h.say(200, b'{"envelopes":[' + b",".join(b'{"envelope":' + e + b',"seq":%d}' % (i + 1) for i, e in rows) +
              b'],"epoch":%d}' % self.down_epoch)

    def serve(self, identity=None, port=0):
        hub = self
        identity = identity or self.server_identity

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def say(self, status, body=b"{}", headers=()):
                self.send_response(status)
                for k, v in headers:
                    self.send_header(k, v)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def any(self):
                if hub.server is not server:  # closed, or another took its place
                    self.close_connection = True
                    return
                self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                name = self.path[len(BASE):].split("?")[0]
                name = "enrolled" if name.startswith("enrol/") else name
                hub.asked.append(name)
                try:
                    (hub.answers.get(name) or getattr(hub, "say_" + name))(self)
                except OSError:
                    self.close_connection = True

            do_GET = do_POST = any

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *args):
                pass

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        with tempfile.NamedTemporaryFile("wb", suffix=".pem") as f:
            f.write(pem(identity.certificate()).encode() + pem_key(identity.tls))
            f.flush()
            context.load_cert_chain(f.name)
        server = self.server = Server(("127.0.0.1", port), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        self.url = "https://127.0.0.1:%d" % self.port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        server, self.server = self.server, None
        if server:
            server.shutdown()
            server.server_close()
