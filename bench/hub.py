#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""A hub with many members: how many signals per second it keeps durably, how fast it answers, how much memory and CPU time it
takes, and how soon all are back after a cut; one JSON object.
usage: ninja -C build src/cli/sereno src/desk/hub_load && bench/hub.py build/src/cli/sereno build/src/desk/hub_load [--nodes N] [--rate SIGNALS_PER_S] [--seconds S]

The hub is `sereno serve` as it is, with its sandbox. Members are simulated by hub_load: real TLS 1.3, client certificates,
signed envelopes. They are not enrolled one by one: certificates come from the hub's own authority, and the membership is
written into its records while it is stopped. Load and hub share this machine's cores: the hub's CPU seconds are told apart
from the load's (load_cpu_s), and those of the run (per 10,000 signals) from those of connecting and of the storm."""
import argparse
import datetime
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path.insert(0, os.path.join(ROOT, "tests", "federation"))
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from peer import b64, jcs, raw_key, when
from world import World

PER_CIRCLE = 2000  # a membership file holds 2,048


def certificate(ca, ca_key, key, node):
    now = datetime.datetime.now(datetime.timezone.utc)
    return (x509.CertificateBuilder().subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, node)]))
            .issuer_name(ca.subject).public_key(key).serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(days=2))
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False)
            .sign(ca_key, hashes.SHA256()))


def add_circle(db, hub, sign, number, members):
    name, epoch = "load-%d" % number, 1
    seal = b64(hub["seal"])
    own = {"node": hub["id"], "org": "Hub", "sign": b64(raw_key(sign.public_key())), "seal": seal, "classes": ["member", "hub"],
           "state": "active", "since": 1}
    m = {"v": 1, "circle": name, "name": name, "class": "member", "quorum": 1, "warn": 2, "show": 5, "epoch": epoch,
         "issued": when(-60), "expires": when(86400 * 20),
         "hub": {"node": hub["id"], "sign": own["sign"], "seal": seal},
         "officers": [{"name": "load", "key": own["sign"]}],
         "members": sorted([own] + members, key=lambda x: x["node"])}
    form = jcs(m)
    m["sigs"] = [{"key": own["sign"], "sig": b64(sign.sign(b"sereno-membership-1\n" + form))}]
    db.execute("INSERT INTO fed_circle VALUES (?, 'City of Hub', ?, 1, ?, 'member', ?, ?, 0)",
               (name, hub["id"], name, epoch, 2 ** 62))
    db.execute("INSERT INTO fed_membership VALUES (?, ?, ?, 0)", (name, epoch, jcs(m)))
    for x in m["members"]:
        db.execute("INSERT INTO fed_member VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                   (name, x["node"], x["org"], x["sign"], x["seal"], " ".join(x["classes"]), x["state"], x["since"]))
    return name, epoch


def prepare(hub, folder, count):
    keys = os.path.join(hub.data, "keys")
    read = lambda n: open(os.path.join(keys, n), "rb").read()
    sign = ed25519.Ed25519PrivateKey.from_private_bytes(bytes.fromhex(read("node.sign").decode().strip()))
    # Nothing is sealed to the hub here: any key of the right length will do.
    me = {"id": read("node.id").decode().strip(), "seal": hashlib.sha256(b"seal").digest()}
    ca = x509.load_pem_x509_certificate(read("hub.ca.crt"))
    ca_key = serialization.load_pem_private_key(read("hub.ca.key"), None)
    key = ec.generate_private_key(ec.SECP256R1())
    with open(os.path.join(folder, "key.pem"), "wb") as f:
        f.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    lines, members = [], []
    for _ in range(count):
        node, seed = os.urandom(16).hex(), os.urandom(32)
        pub = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
        members.append({"node": node, "org": "Town " + node[:8], "sign": b64(raw_key(pub.public_key())),
                        "seal": b64(hashlib.sha256(seed).digest()), "classes": ["member"], "state": "active", "since": 1})
        lines.append([node, seed.hex()])
        with open(os.path.join(folder, node + ".pem"), "wb") as f:
            f.write(certificate(ca, ca_key, key.public_key(), node).public_bytes(serialization.Encoding.PEM))
    with sqlite3.connect(os.path.join(hub.data, "records.db")) as db:
        for i in range(0, count, PER_CIRCLE):
            name, epoch = add_circle(db, me, sign, i // PER_CIRCLE, members[i:i + PER_CIRCLE])
            for x in lines[i:i + PER_CIRCLE]:
                x += [name, str(epoch)]
    with open(os.path.join(folder, "nodes"), "w", encoding="ascii") as f:
        f.writelines(" ".join(x) + "\n" for x in lines)


def readable(hub):
    try:
        with open(os.path.join(hub.data, "keys", "hub.ca.key"), "rb") as f:
            return serialization.load_pem_private_key(f.read(), None) is not None
    except ValueError:
        return False


def roles(pid):
    """{role: (peak resident MB, PSS MB, CPU seconds)} of the node's processes."""
    out = {}
    for child in subprocess.run(["pgrep", "-P", str(pid)], stdout=subprocess.PIPE, text=True, check=True).stdout.split():
        try:
            with open("/proc/%s/status" % child, encoding="ascii") as f:
                status = dict(line.split(":", 1) for line in f if ":" in line)
            with open("/proc/%s/smaps_rollup" % child, encoding="ascii") as f:
                pss = [int(line.split()[1]) for line in f if line.startswith("Pss:")][0]
            with open("/proc/%s/stat" % child, encoding="ascii") as f:
                times = f.read().rsplit(")", 1)[1].split()[11:13]
        except (FileNotFoundError, ProcessLookupError):
            continue  # the compiler is done and gone
        cpu = sum(int(t) for t in times) / os.sysconf("SC_CLK_TCK")
        out[status["Name"].strip().replace("sereno-", "")] = (int(status["VmHWM"].split()[0]) / 1024, pss / 1024, cpu)
    return out


def run_load(hub, command):
    """What the load says, and the roles at the start and after each of its phases."""
    seen, said = [roles(hub.process.pid)], []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as p:
        for line in p.stdout:
            if line.startswith("#"):
                seen.append(roles(hub.process.pid))
            elif line.strip():
                said.append(line)
    try:  # only of a load that ended well: one that did not may have said nothing, or half of it
        result = json.loads("".join(said)) if p.returncode == 0 and len(seen) == 4 else None
    except ValueError:
        result = None
    if result is None:
        sys.exit("the load ended with %d after %d of 3 phases and said: %s\n%s"
                 % (p.returncode, len(seen) - 1, "".join(said)[-1000:] or "nothing", hub.log(True)[-3000:]))
    return result, seen


def cpu(before, after):
    return {k: round(v[2] - before.get(k, (0, 0, 0))[2], 2) for k, v in after.items() if v[2] - before.get(k, (0, 0, 0))[2] >= 0.05}


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("sereno")
    p.add_argument("load")
    p.add_argument("--nodes", type=int, default=300)
    p.add_argument("--rate", type=int, default=10000)
    p.add_argument("--seconds", type=int, default=20)
    a = p.parse_args()
    with World(a.sereno, namespaces=False) as world:
        hub = world.node("hub", hub=True)
        hub.stop()
        folder = os.path.join(world.folder, "load")
        os.makedirs(folder)
        while not readable(hub):  # GnuTLS may write a key a byte shorter than this reader likes: another one, then
            for name in ("hub.ca.key", "hub.ca.crt"):
                os.unlink(os.path.join(hub.data, "keys", name))
            hub.start()
            hub.stop()
        prepare(hub, folder, a.nodes)
        hub.start()
        busy = os.getloadavg()[0]
        result, seen = run_load(hub, [os.path.abspath(a.load), hub.address, str(hub.hub_port), folder, str(a.rate), str(a.seconds)])
        kept = hub.rows("SELECT COUNT(*) FROM fed_envelope WHERE type = 'signal' AND state = 'applied'")[0][0]
        result["kept_envelopes"] = kept
        result["warnings_told"] = hub.rows("SELECT COUNT(*) FROM fed_out")[0][0]
        result["peak_mb"] = {k: round(v[0], 1) for k, v in seen[3].items()}
        result["pss_mb"] = {k: round(v[1], 1) for k, v in seen[2].items()}
        result["pss_mb_sum"] = round(sum(v[1] for v in seen[2].values()), 1)
        result["cpu_s"] = dict(zip(("connecting", "run", "storm"), (cpu(x, y) for x, y in zip(seen, seen[1:]))))
        result["cpu_s_per_10000"] = round(sum(result["cpu_s"]["run"].values()) * 10000 / max(1, result["signals"]), 3)
        result["cores"], result["load_before"], result["load_after"] = os.cpu_count(), busy, os.getloadavg()[0]
        print(json.dumps(result))
        shutil.rmtree(folder)
        lost = result["signals"] // 10 - kept
        if lost > 0 or result["refused"] or result["storm_back"] != a.nodes:
            sys.exit("lost %d, refused %d, back %d of %d" % (lost, result["refused"], result["storm_back"], a.nodes))


if __name__ == "__main__":
    main()
