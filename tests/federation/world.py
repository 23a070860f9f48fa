# SPDX-License-Identifier: EUPL-1.2
"""A small community of real nodes: hubs and cities, each `sereno serve` with its own data, each in a network namespace of
its own on one bridge where that is possible (root and `ip netns`), else on loopback with ports of their own.

    with World(PROGRAM) as world:
        hub = world.node("hub", hub=True)
        circle = hub.make_circle("Lake cities")
        city = world.node("city")
        world.enrol(hub, circle, city)

Nothing here sleeps: everything waits for a condition with a limit. Nodes are asked over their control sockets, and as an
administrator over HTTP where an officer's password is needed."""
import ctypes
import glob
import http.client
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from ports import free_port  # noqa: E402
from processes import wait_gone  # noqa: E402
import bridge as user_bridge  # noqa: E402

LIMIT_S = 120
PASSWORD = "harbour lamp seven"
CLONE_NEWNET = 0x40000000
INGEST_TOKEN = "lantern-lantern-lantern"


def wait_until(what, say, limit_s=LIMIT_S):
    """Polls a condition that has no event of its own; fails after the limit."""
    end = time.monotonic() + limit_s
    pause = threading.Event()
    while time.monotonic() < end:
        got = what()
        if got:
            return got
        pause.wait(0.05)
    raise AssertionError("waited in vain: " + str(say() if callable(say) else say))


def run(*command, check=True):
    return subprocess.run(command, check=check, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def namespaces_possible():
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return False
    name = "sereno-probe-%d" % os.getpid()
    made = run("ip", "netns", "add", name, check=False).returncode == 0
    usable = made and run("ip", "netns", "exec", name, "true", check=False).returncode == 0  # not in a plain chroot
    if made:
        run("ip", "netns", "del", name, check=False)
    return usable


def faketime_library():
    """Debian's libfaketime; None where it is not installed."""
    found = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
    return found[0] if found else None


def no_clocks(program):
    """Why the clocks of nodes cannot be moved here; "" where they can."""
    if faketime_library() is None:
        return "libfaketime (Debian package faketime) is not installed"
    with open(program, "rb") as f:
        if b"__asan_init" in f.read():
            return "a sanitizer build cannot be given libfaketime's clock"
    return ""


def inside_of(namespace, make):
    """Runs `make` on a thread that is in a namespace: the sockets it makes stay there."""
    out = {}

    def work():
        try:
            libc = ctypes.CDLL(None, use_errno=True)
            fd = os.open("/var/run/netns/" + namespace, os.O_RDONLY)
            try:
                if libc.setns(fd, CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
            finally:
                os.close(fd)
            out["made"] = make()
        except OSError as e:
            out["error"] = e

    t = threading.Thread(target=work)
    t.start()
    t.join()
    if "error" in out:
        raise out["error"]
    return out["made"]


def socket_in(namespace, address, timeout=LIMIT_S):
    """A TCP connection made inside a namespace; a socket stays where it was made."""
    if namespace is None:
        return socket.create_connection(address, timeout)
    return inside_of(namespace, lambda: socket.create_connection(address, timeout))


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)


class Admin:
    """A logged-in administrator of a node: cookies and the session's token."""

    def __init__(self, node, name="anna"):
        self.node, self.name, self.cookies, self.csrf = node, name, {}, ""

    def ask(self, method, path, body=None, headers=None):
        c = http.client.HTTPConnection("127.0.0.1", self.node.desk_port, timeout=LIMIT_S)
        c.sock = socket_in(self.node.namespace, ("127.0.0.1", self.node.desk_port))
        headers = dict(headers or {})
        if self.cookies:
            headers["Cookie"] = "; ".join("%s=%s" % x for x in self.cookies.items())
        c.request(method, path, body, headers)
        r = c.getresponse()
        a = Answer(r.status, r.headers, r.read())
        c.close()
        for cookie in a.headers.get_all("Set-Cookie") or []:
            name, value = cookie.split(";")[0].split("=", 1)
            self.cookies[name] = value
        return a

    def form(self, path, fields):
        return self.ask("POST", path, urllib.parse.urlencode(fields), {"Content-Type": "application/x-www-form-urlencoded"})

    def login(self):
        page = self.ask("GET", "/login?next=/").body.decode()
        hidden = {n: re.search(r'name="%s" value="([^"]*)"' % n, page).group(1) for n in ("csrf", "next")}
        a = self.form("/login", {"name": self.name, "password": PASSWORD, **hidden})
        assert a.status == 303, (a.status, a.body)
        self.csrf = self.ask("GET", "/api/v1/session").json()["csrf"]
        return self

    def send(self, method, path, value=None):
        return self.ask(method, path, None if value is None else json.dumps(value),
                        {"Content-Type": "application/json", "X-Sereno-CSRF": self.csrf})

    def do(self, path, value=None, want=(200, 201, 202, 204)):
        a = self.send("POST", path, value)
        assert a.status in want, (path, a.status, a.body)
        return a.json() if a.body else None


class Node:
    def __init__(self, world, name, hub=False, extra="", number=0, allow="127.0.0.0/8, 10.77.0.0/16", proxy="", rules=None):
        self.world, self.name, self.hub = world, name, hub
        self.folder = os.path.join(world.folder, name)
        self.data = os.path.join(self.folder, "data")
        self.log_path = os.path.join(self.folder, "log")
        self.namespace, self.process, self.number = None, None, number
        self.roles_killed = False  # by the test itself
        self.clock = ""  # as libfaketime has it: "+31d"; it holds from the next start on
        os.makedirs(self.folder)
        if world.namespaces:
            self.namespace = world.add_namespace(name, number)
            self.address = world.address(number)
            self.desk_port, self.ingest_port, self.hub_port, listen = 8600, 8601, 8610, "0.0.0.0"
        else:
            self.address, listen = "127.0.0.1", "127.0.0.1"
            self.desk_port, self.ingest_port, self.hub_port = free_port(), free_port(), free_port()
        self.url = "https://%s:%d" % (self.address, self.hub_port)
        self.config = os.path.join(self.folder, "sereno.yml")
        with open(self.config, "w", encoding="utf-8") as f:
            f.write("node: {name: %s, organisation: \"City of %s\"}\ndesk: {listen: \"127.0.0.1:%d\"}\n"
                    "ingest: {listen: \"127.0.0.1:%d\"}\nsources: [{name: test, kind: http, token: %s}]\n"
                    "federation: {allow: [%s]%s}\nintakes: 1\n"
                    % (name, name.capitalize(), self.desk_port, self.ingest_port, INGEST_TOKEN, allow,
                       ", proxy: \"%s\"" % proxy if proxy else ""))
            if hub:
                f.write("hub: {listen: \"%s:%d\", name: \"Hub %s\", url: \"%s\"}\n" % (listen, self.hub_port, name, self.url))
            f.write(extra)
        self.organisation = "City of " + name.capitalize()
        for file, text in (rules or {}).items():  # the house's own, beside those shipped
            os.makedirs(os.path.join(self.data, "rules"), mode=0o700, exist_ok=True)
            with open(os.path.join(self.data, "rules", file), "w", encoding="utf-8") as f:
                f.write(text)
        self.start()

    # ---- life ----

    def start(self):
        self.log_from = os.path.getsize(self.log_path) if os.path.exists(self.log_path) else 0
        log = open(self.log_path, "ab")
        environment = dict(os.environ)
        if self.clock:
            environment.update(LD_PRELOAD=faketime_library(), FAKETIME=self.clock, FAKETIME_DONT_FAKE_MONOTONIC="1",
                               DONT_FAKE_MONOTONIC="1")
        prefix = ["ip", "netns", "exec", self.namespace] if self.namespace else []
        self.process = subprocess.Popen(prefix + [self.world.program, "serve", "--config", self.config, "--data", self.data,
                                                  "--verbose"], stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
                                        env=environment)
        log.close()
        self.expect(r"node\.ready")
        self.expect(r"federation\.ready")

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(LIMIT_S)

    def kill(self):
        """Power loss, as far as a process can have it: all roles at once."""
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(LIMIT_S)
            wait_gone(self.process.pid)

    def role_pids(self, role):
        out = run("ps", "-o", "pid=,args=", "-g", str(self.process.pid)).stdout
        pids = [int(line.split()[0]) for line in out.splitlines() if "--role=" + role in line]
        assert pids, out
        return pids

    def kill_role(self, role):
        """One role dies; super starts another."""
        self.roles_killed = True
        pids = self.role_pids(role)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)

    def restart(self):
        self.stop()
        self.start()

    def log(self, whole=False):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            f.seek(0 if whole else self.log_from)
            return f.read()

    def expect(self, pattern, limit_s=LIMIT_S):
        def look():
            m = re.search(pattern, self.log())
            if not m and self.process.poll() is not None:
                raise AssertionError("%s ended:\n%s" % (self.name, self.log()[-4000:]))
            return m
        return wait_until(look, lambda: "%s: %s\n%s" % (self.name, pattern, self.log()[-4000:]), limit_s)

    # ---- asking ----

    def ask(self, method, path, value=None):
        """Over the control socket: as the command line does."""
        body = b"" if value is None else json.dumps(value).encode()
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(LIMIT_S)
            folder = os.open(self.data, os.O_RDONLY | os.O_DIRECTORY)
            try:
                s.connect("/proc/self/fd/%d/control" % folder)
            finally:
                os.close(folder)
            s.sendall(("%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n"
                       "Content-Length: %d\r\n\r\n" % (method, path, len(body))).encode() + body)
            got = b""
            while True:
                part = s.recv(1 << 16)
                if not part:
                    break
                got += part
        head, _, rest = got.partition(b"\r\n\r\n")
        return Answer(int(head.split()[1]), {}, rest)

    def get(self, path):
        a = self.ask("GET", path)
        assert a.status == 200, (path, a.status, a.body)
        return a.json()

    def federation(self):
        return self.get("/api/v1/federation")

    def link(self, hub):
        """This node's link to a hub, None while there is none."""
        node = hub.federation()["node"]["id"]
        return next((x for x in self.federation()["links"] if x["hub"] == node), None)

    def wait_link(self, hub, state="up", limit_s=LIMIT_S):
        def look():
            link = self.link(hub)
            return link if link and link["state"] == state else None
        return wait_until(look, lambda: "%s: link %s: %s" % (self.name, state, self.link(hub)), limit_s)

    def rows(self, sql, *args):
        """What the records hold: read only, beside the running node."""
        with sqlite3.connect("file:%s/records.db?mode=ro" % self.data, uri=True, timeout=60) as db:
            return db.execute(sql, args).fetchall()

    def admin(self, name="anna"):
        """An administrator who is logged in; made when there is none of that name."""
        a = self.ask("POST", "/api/v1/users", {"name": name, "password": PASSWORD})
        assert a.status in (201, 409), a.body
        return Admin(self, name).login()

    # ---- as a hub ----

    def make_circle(self, name, admin=None):
        admin = admin or self.admin()
        got = admin.do("/api/v1/federation/circles", {"name": name, "class": "member", "password": PASSWORD})
        assert got["complete"], got
        return got["circle"]

    def code(self, circle, organisation):
        a = self.ask("POST", "/api/v1/federation/codes", {"organisation": organisation, "circle": circle})
        assert a.status == 201, (a.status, a.body)
        return a.json()["code"]

    def requests(self, state="waiting"):
        return [r for r in self.get("/api/v1/federation/requests")["items"] if r["state"] == state]

    def approve(self, request, fingerprint, admin=None):
        admin = admin or self.admin()
        return admin.do("/api/v1/federation/requests/%s/approve" % request["id"],
                        {"password": PASSWORD, "fingerprint": fingerprint})

    def remove(self, node, circle, what="remove", admin=None):
        admin = admin or self.admin()
        return admin.do("/api/v1/federation/members/%s/%s" % (node, what), {"circle": circle, "password": PASSWORD})


class World:
    """`namespaces`: None = where possible. Says with `namespaces` whether it has them. `seed`: with namespaces, the switch
    is bridge.py with this seed instead of the kernel's, and packets can be hurt."""

    def __init__(self, program, namespaces=None, seed=None):
        self.program = os.path.abspath(program)
        self.namespaces = namespaces_possible() if namespaces is None else namespaces
        self.folder = tempfile.mkdtemp(prefix="sereno-world-")
        self.nodes, self.made, self.tag = [], [], "s%d" % (os.getpid() % 100000)
        self.bridge, self.lock = None, threading.Lock()
        if self.namespaces:
            self.switch = self.tag + "-switch"
            self.add_plain(self.switch)
        if self.namespaces and seed is not None:
            self.bridge = user_bridge.Bridge(self.switch, seed)
        elif self.namespaces:
            self.inside(self.switch, "ip", "link", "add", "br0", "type", "bridge")
            self.inside(self.switch, "ip", "link", "set", "br0", "up")

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None:
            for n in self.nodes:
                print("==== %s ====\n%s" % (n.name, n.log(True)[-3000:]), flush=True)
        self.close()

    def close(self):
        for n in self.nodes:
            n.stop()
        bad = [n.name + ": " + line for n in self.nodes for line in n.log(True).split("\n")
               if re.search(r"Sanitizer|runtime error:|check failed|role\.hung|Aborted" + ("" if n.roles_killed else r"|role\.killed"), line)]
        if self.bridge:
            self.bridge.close()
        for name in self.made:
            run("ip", "netns", "del", name, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)
        assert not bad, "\n".join(bad)  # a role that fell over is started again, and the test might not notice

    # ---- network ----

    def inside(self, namespace, *command):
        return run("ip", "netns", "exec", namespace, *command)

    def add_plain(self, name):
        run("ip", "netns", "add", name)
        self.made.append(name)
        self.inside(name, "ip", "link", "set", "lo", "up")

    @staticmethod
    def address(number):
        return "10.77.%d.%d" % (number // 250, number % 250 + 1)

    def add_namespace(self, name, number):
        ns, port = "%s-%s" % (self.tag, name), "p%d" % number
        self.add_plain(ns)
        run("ip", "link", "add", "eth0", "netns", ns, "type", "veth", "peer", "name", port, "netns", self.switch)
        self.inside(self.switch, "ip", "link", "set", port, *([] if self.bridge else ["master", "br0"]), "up")
        self.inside(ns, "ip", "addr", "add", self.address(number) + "/16", "dev", "eth0")
        self.inside(ns, "ip", "link", "set", "eth0", "up")
        if self.bridge:
            assert inside_of(ns, lambda: user_bridge.plain("eth0")), "eth0 leaves work to its card"
            with self.lock:
                self.bridge.add(number)
        return ns

    def cut(self, node, down=True):
        """Half-open: what is on its way is lost, and neither end is told."""
        assert self.namespaces
        self.inside(self.switch, "ip", "link", "set", "p%d" % node.number, "down" if down else "up")

    def hurt(self, node, **chances):
        """Chances of `drop`, `double` and `late` (overtaken) for every packet to and from a node; none = a good line."""
        return self.bridge.rule(node.number, **chances)

    # ---- members ----

    def node(self, name, hub=False, extra="", **more):
        n = Node(self, name, hub, extra, len(self.nodes), **more)
        self.nodes.append(n)
        return n

    def nodes_at_once(self, *names, hubs=()):
        """Several, started beside one another."""
        first, made, failed = len(self.nodes), {}, []

        def make(i, name):
            try:
                made[name] = Node(self, name, name in hubs, "", first + i)
            except Exception as e:  # pylint: disable=broad-except
                failed.append((name, e))

        threads = [threading.Thread(target=make, args=(i, name)) for i, name in enumerate(names)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.nodes += [made[n] for n in names if n in made]
        if failed:
            raise failed[0][1]
        return [made[n] for n in names]

    def join(self, hub, circle, node, fingerprint=True):
        """A code, handed in by the command line. Returns the request as the hub shows it."""
        code = hub.code(circle, node.organisation)
        print_of_hub = hub.federation()["node"]["fingerprint"]
        command = [self.program, "enrol", hub.url, "--code", code, "--data", node.data]
        got = run(*(command + (["--fingerprint", print_of_hub] if fingerprint else [])), check=False)
        assert got.returncode == 0, got.stdout
        mine = node.federation()["node"]
        assert print_of_hub in got.stdout and mine["fingerprint"] in got.stdout, got.stdout
        return wait_until(lambda: next((r for r in hub.requests() if r["node"] == mine["id"]), None), "the request at the hub")

    def enrol(self, hub, circle, node, admin=None):
        """From a code to a link that is up."""
        request = self.join(hub, circle, node)
        mine = node.federation()["node"]["fingerprint"]
        assert request["fingerprint"] == mine
        assert hub.approve(request, mine, admin)["complete"]
        node.wait_link(hub)

    @staticmethod
    def epochs(node):
        return {c["id"]: c["epoch"] for c in node.federation()["circles"]}

    def wait_epoch(self, node, circle, epoch, limit_s=LIMIT_S):
        wait_until(lambda: self.epochs(node).get(circle, 0) >= epoch, lambda: "%s at epoch %d: %s" % (node.name, epoch, self.epochs(node)), limit_s)
