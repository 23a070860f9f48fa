# SPDX-License-Identifier: EUPL-1.2
"""Starts and stops a node and real senders for tests; waits for conditions, never for time."""
import os
import pathlib
import select
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import day_file  # noqa: E402
from ports import free_port  # noqa: E402
from processes import wait_gone  # noqa: E402

LIMIT_S = 120
TOKEN = "a-token-only-for-this-test-0123456789"

RULE = """title: A word that only this test sends
id: 5f1d1c1e-3f5b-4a53-9f0a-2b8f1f0c9e01
status: test
description: Fires on a marker in any syslog or text line.
logsource:
    product: linux
detection:
    keywords:
        - sereno-marker-alarm
    condition: keywords
level: high
"""


def until(what, condition, limit_s=LIMIT_S):
    """Polls condition until it is true; a test that waits in vain says for what."""
    end = time.monotonic() + limit_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {limit_s} s in vain for: {what}")
        select.select([], [], [], 0.02)


class Node:
    """One node in a folder of its own."""

    def __init__(self, program, extra_sources="", intakes=2):
        self.program = program
        self.intakes = intakes
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="node-test-"))
        self.data = self.folder / "data"
        self.log = self.folder / "log"
        self.followed = self.folder / "followed.log"
        self.followed.write_text("")
        self.http, self.desk, self.tcp = free_port(), free_port(), free_port()
        self.udp = free_port()
        (self.folder / "rules").mkdir()
        (self.folder / "rules" / "marker.yml").write_text(RULE)
        self.config = self.folder / "sereno.yml"
        self.config.write_text(f"""node: {{name: test, organisation: town}}
data: {self.data}
intakes: {intakes}
metrics: {{token: "{TOKEN}"}}
desk: {{listen: "127.0.0.1:{self.desk}"}}
ingest: {{listen: "127.0.0.1:{self.http}"}}
rules: [{self.folder}/rules]
sources:
  - {{name: posted, kind: http, token: "{TOKEN}"}}
  - {{name: udp, kind: syslog-udp, listen: "127.0.0.1:{self.udp}"}}
  - {{name: tcp, kind: syslog-tcp, listen: "127.0.0.1:{self.tcp}", organisation: other-town}}
  - {{name: file, kind: file, path: "{self.followed}"}}
{extra_sources}""")
        self.process = None
        self.env = None  # that of the test, where the node needs none of its own

    def start(self):
        log = open(self.log, "ab")
        self.process = subprocess.Popen(
            [self.program, "serve", "--config", str(self.config), "--data", str(self.data), *extra_options()],
            stdout=log, stderr=log, start_new_session=True, env=self.env)
        log.close()
        self.wait_ready()
        return self

    def wait_ready(self):
        def ready():
            if self.process.poll() is not None:
                raise AssertionError("the node ended:\n" + self.log.read_text(errors="replace")[-4000:])
            return self.healthy() and self.log.read_bytes()[self.mark():].count(b"receive.start") >= self.receivers()
        until("the node to be ready, log: " + str(self.log), ready)

    def receivers(self):
        """HTTP, UDP and TCP in each intake, the file in one of them."""
        return 3 * self.intakes + 1

    def mark(self):
        return getattr(self, "log_mark", 0)

    def healthy(self):
        done = subprocess.run(["curl", "-s", "-m", "2", f"http://127.0.0.1:{self.http}/healthz"], capture_output=True)
        return b"ok" in done.stdout

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(LIMIT_S)
        code = self.process.returncode
        self.log_mark = len(self.log.read_bytes())
        return code

    def kill(self):
        """kill -9 of every process of the node at once: it runs in a session of its own."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(LIMIT_S)
        wait_gone(self.process.pid)
        until("the last of its processes to let go of the sockets", self.gone)
        self.log_mark = len(self.log.read_bytes())

    def gone(self):
        out = subprocess.run(["ps", "-o", "stat=", "-g", str(self.process.pid)], capture_output=True, text=True)
        return all(line.startswith("Z") for line in out.stdout.split())

    def role_pids(self, role):
        out = subprocess.run(["ps", "-o", "pid=,args=", "-g", str(self.process.pid)], capture_output=True, text=True)
        return [int(line.split()[0]) for line in out.stdout.splitlines() if f"--role={role}" in line]

    def remove(self):
        if self.process is not None and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder)

    def records(self):
        try:
            return day_file.read_all(self.data / "archive")
        except sqlite3.OperationalError as e:
            if "no such table" in str(e):
                return []  # the first window is being written
            raise

    def having(self, text):
        """Records that hold text, as (organisation, source)."""
        return [(r[0], r[1]) for r in self.records() if text.encode() in r[3]]

    def alerts(self):
        """(source, organisation, host, events) of each alert in the records."""
        path = self.data / "records.db"
        if not path.exists():
            return []
        db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            return db.execute("SELECT source, organisation, host, events, title FROM alert").fetchall()
        except sqlite3.OperationalError:
            return []
        finally:
            db.close()

    def post(self, body, *options, token=TOKEN):
        """(status, text) of a POST /ingest by curl."""
        done = subprocess.run(
            ["curl", "-s", "-m", "30", "-o", "-", "-w", "\n%{http_code}", "-H", f"Authorization: Bearer {token}",
             "--data-binary", "@-", *options, f"http://127.0.0.1:{self.http}/ingest"],
            input=body, capture_output=True)
        text, _, code = done.stdout.decode().rpartition("\n")
        return int(code or 0), text


def extra_options():
    """Where the kernel has no Landlock the node must be asked to run without."""
    return ["--weaker-sandbox"] if not pathlib.Path("/sys/kernel/security/landlock").exists() and os.environ.get(
        "SERENO_TEST_WEAKER") else []


class Rsyslog:
    """A real rsyslogd on loopback that forwards what it gets by UDP to a TCP port, in the framing asked for."""

    def __init__(self, folder, to_port, framing):
        self.folder = pathlib.Path(folder) / f"rsyslog-{framing}"
        self.folder.mkdir()
        self.port = free_port()
        conf = self.folder / "rsyslog.conf"
        conf.write_text(f"""global(workDirectory="{self.folder}")
module(load="imudp")
input(type="imudp" address="127.0.0.1" port="{self.port}")
action(type="omfwd" target="127.0.0.1" port="{to_port}" protocol="tcp" TCP_Framing="{framing}"
       template="RSYSLOG_SyslogProtocol23Format" action.resumeRetryCount="-1")
""")
        self.process = subprocess.Popen(
            ["rsyslogd", "-n", "-f", str(conf), "-i", str(self.folder / "pid")],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until("rsyslogd to listen", self.listening)

    def listening(self):
        wanted = f":{self.port:04X}"
        lines = pathlib.Path("/proc/net/udp").read_text().splitlines()
        return any(line.split()[1].endswith(wanted) for line in lines[1:])

    def stop(self):
        self.process.terminate()
        self.process.wait(LIMIT_S)
