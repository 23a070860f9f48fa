# SPDX-License-Identifier: EUPL-1.2
"""OpenLDAP's slapd, a directory of Debian's, started for a test on loopback with TLS of an authority of its own. It has a few attributes of
Active Directory in a schema of its own: names and states are read as there; matching rules of Active Directory it does not have."""
import base64
import pathlib
import shutil
import signal
import socket
import subprocess
import uuid

import provider_kit
from node import free_port, until

PROGRAM = "/usr/sbin/slapd"
BASE = "dc=city,dc=example"
SERVICE = f"cn=sereno,{BASE}"
SERVICE_PASSWORD = "a service's secret: 100% & more"

SCHEMA = """attributetype ( 1.3.6.1.4.1.4203.666.900.1 NAME 'sAMAccountName' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.4203.666.900.2 NAME 'userAccountControl' EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.4203.666.900.3 NAME 'objectGUID' EQUALITY octetStringMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.4203.666.900.4 NAME 'accountExpires' EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.4203.666.900.5 NAME 'memberOf' EQUALITY distinguishedNameMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.12 )
objectclass ( 1.3.6.1.4.1.4203.666.900.9 NAME 'adUser' SUP top AUXILIARY MAY ( sAMAccountName $ userAccountControl $ objectGUID $ accountExpires $ memberOf ) )
"""


def missing():
    """Why it cannot be started here; empty = it can."""
    if not pathlib.Path(PROGRAM).exists():
        return "slapd is not installed"
    return "" if shutil.which("openssl") else "openssl is not installed"


def password(name):
    return f"{name}'s password"


class Slapd:
    def __init__(self, folder):
        self.folder = folder
        self.people = {}  # name -> attributes
        self.tls, self.plain = free_port(), free_port()
        folder.mkdir()
        (folder / "db").mkdir()
        provider_kit.make_certificates(folder)
        self.authority = folder / "ca.crt"
        (folder / "secret").write_text(SERVICE_PASSWORD + "\n")
        (folder / "city.schema").write_text(SCHEMA)
        (folder / "conf").write_text(f"""include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include {folder}/city.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload ppolicy
pidfile {folder}/pid
TLSCACertificateFile {folder}/ca.crt
TLSCertificateFile {folder}/server.crt
TLSCertificateKeyFile {folder}/server.key
security simple_bind=112
database mdb
suffix "{BASE}"
directory {folder}/db
maxsize 33554432
overlay ppolicy
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{SERVICE}" read by * none
""")
        self.add("slapadd", f"""dn: {BASE}
objectClass: domain
dc: city

dn: ou=people,{BASE}
objectClass: organizationalUnit
ou: people

dn: ou=groups,{BASE}
objectClass: organizationalUnit
ou: groups

dn: {SERVICE}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: sereno
userPassword: {SERVICE_PASSWORD}
""")
        self.process = None

    def add(self, tool, ldif):
        """slapadd or slapmodify; the database bears writers beside the server."""
        done = subprocess.run([f"/usr/sbin/{tool}", "-f", str(self.folder / "conf"), "-b", BASE], input=ldif, text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr

    def person(self, name, **attributes):
        """A new one; entryUUID among the attributes: the same as before."""
        self.people[name] = attributes = {"entryUUID": str(uuid.uuid4()), **attributes}
        more = "".join(f"{k}:: {base64.b64encode(v).decode()}\n" if isinstance(v, bytes) else f"{k}: {v}\n" for k, v in attributes.items())
        self.add("slapadd", f"dn: uid={name},ou=people,{BASE}\nobjectClass: inetOrgPerson\nobjectClass: adUser\nuid: {name}\ncn: {name.title()}\n"
                            f"sn: {name.title()}\nuserPassword: {password(name)}\n{more}")

    def remove(self, name):
        self.add("slapmodify", f"dn: uid={name},ou=people,{BASE}\nchangetype: delete\n")

    def change(self, name, attribute, value=None):
        """The same entry with another value; slapmodify would give it another entryUUID."""
        attributes = {k: v for k, v in {**self.people[name], attribute: value}.items() if v is not None}
        self.remove(name)
        self.person(name, **attributes)

    def group(self, name, *members):
        self.add("slapadd", f"dn: cn={name},ou=groups,{BASE}\nobjectClass: groupOfNames\ncn: {name}\n"
                 + "".join(f"member: uid={m},ou=people,{BASE}\n" for m in members or ("nobody",)))

    def members(self, name, *members):
        self.add("slapmodify", f"dn: cn={name},ou=groups,{BASE}\nchangetype: modify\nreplace: member\n"
                 + "".join(f"member: uid={m},ou=people,{BASE}\n" for m in members or ("nobody",)))

    def start(self):
        out = open(self.folder / "out", "ab")
        self.process = subprocess.Popen([PROGRAM, "-f", str(self.folder / "conf"), "-h",
                                         f"ldaps://127.0.0.1:{self.tls}/ ldap://127.0.0.1:{self.plain}/", "-d", "256"], stdout=out, stderr=out)
        out.close()

        def answers():
            if self.process.poll() is not None:
                raise AssertionError("slapd ended: " + (self.folder / "out").read_text(errors="replace")[-2000:])
            for port in (self.tls, self.plain):  # it says that it starts before it listens
                try:
                    socket.create_connection(("127.0.0.1", port), 10).close()
                except OSError:
                    return False
            return True
        until("slapd to start", answers)
        return self

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(60)
        self.process = None
