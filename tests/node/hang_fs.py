# SPDX-License-Identifier: EUPL-1.2
"""A file system that stops answering when it is told to: a disk elsewhere whose server is gone. Flat, in memory, by FUSE's own protocol
(linux/fuse.h), so that it needs no library; only root can mount it. What it has read from the kernel and does not answer holds its
caller up in the kernel, where not even SIGKILL ends it, as the worst of network disks do.

usage: hang_fs.py FOLDER      commands on stdin: "hang WHAT" (write, read, fsync, flush, create, opendir, lookup, getattr, rename, all), "go"
stdout: "mounted", then "held WHAT" for each call that is held."""
import ctypes
import errno
import os
import select
import stat
import struct
import sys
import time

LOOKUP, FORGET, GETATTR, SETATTR, UNLINK, RENAME, OPEN, READ, WRITE, STATFS, RELEASE, FSYNC, FLUSH, INIT, OPENDIR, READDIR, RELEASEDIR, FSYNCDIR, CREATE, \
    INTERRUPT, BATCH_FORGET, RENAME2 = 1, 2, 3, 4, 10, 12, 14, 15, 16, 17, 18, 20, 25, 26, 27, 28, 29, 30, 35, 36, 42, 45
NAMES = {"lookup": LOOKUP, "getattr": GETATTR, "open": OPEN, "read": READ, "write": WRITE, "fsync": FSYNC, "flush": FLUSH, "opendir": OPENDIR,
         "create": CREATE, "rename": RENAME2}
MS_NOSUID, MS_NODEV, RENAME_NOREPLACE, DIRECT_IO = 2, 4, 1, 1


class HangFs:
    def __init__(self, folder):
        self.fd = os.open("/dev/fuse", os.O_RDWR)
        options = f"fd={self.fd},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mount(b"hang", os.fsencode(folder), b"fuse", MS_NOSUID | MS_NODEV, options) != 0:
            raise OSError(ctypes.get_errno(), "mount")
        self.files, self.names, self.next = {}, {}, 2  # content by node; node by name
        self.hang, self.held = None, []
        self.born = int(time.time())

    # ---- answers

    def reply(self, unique, error=0, data=b""):
        try:
            os.write(self.fd, struct.pack("<IiQ", 16 + len(data), -error, unique) + data)
        except FileNotFoundError:
            pass  # whoever asked was interrupted

    def attr(self, node):
        is_dir = node == 1
        size = 0 if is_dir else len(self.files[node])
        mode = stat.S_IFDIR | 0o755 if is_dir else stat.S_IFREG | 0o600
        return struct.pack("<QQQQQQIIIIIIIIII", node, size, (size + 511) // 512, self.born, self.born, self.born, 0, 0, 0, mode, 2 if is_dir else 1, 0, 0, 0, 4096, 0)

    def entry(self, node):
        return struct.pack("<QQQQII", node, 0, 0, 0, 0, 0) + self.attr(node)

    def text(self, body):
        return body.split(b"\0", 1)[0]

    def handle(self, op, unique, node, body):
        if op == INIT:
            major, minor, ahead, _ = struct.unpack_from("<IIII", body)
            self.reply(unique, 0, struct.pack("<IIIIHHIIHHI28x", 7, min(minor, 31), ahead, 0, 12, 9, 1 << 17, 1, 32, 0, 0))
        elif op in (FORGET, BATCH_FORGET, INTERRUPT):
            pass
        elif op == LOOKUP:
            found = self.names.get(self.text(body))
            self.reply(unique, 0 if found else errno.ENOENT, self.entry(found) if found else b"")
        elif op in (GETATTR, SETATTR):
            if op == SETATTR and struct.unpack_from("<I", body)[0] & 8:
                size = struct.unpack_from("<Q", body, 16)[0]
                self.files[node] = self.files[node][:size].ljust(size, b"\0")
            self.reply(unique, 0, struct.pack("<QII", 0, 0, 0) + self.attr(node))
        elif op in (OPEN, OPENDIR):
            self.reply(unique, 0, struct.pack("<QII", 1, DIRECT_IO if op == OPEN else 0, 0))
        elif op == CREATE:
            name = self.text(body[16:])
            self.names[name], self.files[self.next] = self.next, b""
            self.next += 1
            self.reply(unique, 0, self.entry(self.names[name]) + struct.pack("<QII", 1, DIRECT_IO, 0))
        elif op == READ:
            _, offset, size = struct.unpack_from("<QQI", body)
            self.reply(unique, 0, self.files[node][offset:offset + size])
        elif op == WRITE:
            _, offset, size = struct.unpack_from("<QQI", body)
            old = self.files[node].ljust(offset, b"\0")
            self.files[node] = old[:offset] + body[40:40 + size] + old[offset + size:]
            self.reply(unique, 0, struct.pack("<II", size, 0))
        elif op == READDIR:
            self.readdir(unique, body)
        elif op == UNLINK:
            self.reply(unique, 0 if self.names.pop(self.text(body), None) else errno.ENOENT)
        elif op in (RENAME, RENAME2):
            self.rename(unique, op, body)
        elif op == STATFS:
            self.reply(unique, 0, struct.pack("<QQQQQIIII24x", 1 << 20, 1 << 19, 1 << 19, 1 << 10, 1 << 9, 4096, 255, 4096, 0))
        elif op in (RELEASE, RELEASEDIR, FSYNC, FSYNCDIR, FLUSH):
            self.reply(unique)
        else:
            self.reply(unique, errno.ENOSYS)

    def readdir(self, unique, body):
        _, offset, size = struct.unpack_from("<QQI", body)
        out = b""
        for at, (name, node) in list(enumerate(self.names.items(), 1))[offset:]:
            one = struct.pack("<QQII", node, at, len(name), stat.S_IFREG >> 12) + name
            one += b"\0" * (-len(one) % 8)
            if len(out) + len(one) > size:
                break
            out += one
        self.reply(unique, 0, out)

    def rename(self, unique, op, body):
        flags = struct.unpack_from("<QI", body)[1] if op == RENAME2 else 0
        old, new = body[16 if op == RENAME2 else 8:].split(b"\0")[:2]
        if old not in self.names or (flags & RENAME_NOREPLACE and new in self.names):
            self.reply(unique, errno.ENOENT if old not in self.names else errno.EEXIST)
            return
        self.names[new] = self.names.pop(old)
        self.reply(unique)

    # ---- the loop

    def is_held(self, op):
        return op not in (FORGET, BATCH_FORGET, INTERRUPT) and (self.hang == "all" or NAMES.get(self.hang) == op)

    def request(self):
        data = os.read(self.fd, (1 << 17) + 4096)
        _, op, unique, node = struct.unpack_from("<IIQQ", data)
        if self.is_held(op):
            self.held.append((op, unique, node, data[40:]))
            name = next((n for n, o in NAMES.items() if o == op), str(op))
            print("held", name, flush=True)
        else:
            self.handle(op, unique, node, data[40:])

    def command(self):
        line = sys.stdin.buffer.raw.readline().split()  # unbuffered: what select sees is what is read
        if not line:
            sys.exit(0)  # the kernel lets everybody go with an error
        self.hang = line[1].decode() if line[0] == b"hang" else None
        held, self.held = (self.held, []) if self.hang is None else ([], self.held)
        for one in held:
            self.handle(*one)
        print("done", flush=True)

    def serve(self):
        print("mounted", flush=True)
        while True:
            for ready in select.select([self.fd, sys.stdin.buffer.raw], [], [])[0]:
                if ready == self.fd:
                    self.request()
                else:
                    self.command()


if __name__ == "__main__":
    HangFs(sys.argv[1]).serve()
