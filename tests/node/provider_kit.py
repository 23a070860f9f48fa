# SPDX-License-Identifier: EUPL-1.2
"""Glewlwyd, an OpenID Connect provider of Debian's, started for a test on loopback with TLS of an authority of its own."""
import http.client
import json
import pathlib
import re
import shutil
import signal
import sqlite3
import ssl
import subprocess
import urllib.parse

from node import free_port, until

SCHEMA = pathlib.Path("/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3")
PROGRAM = "/usr/bin/glewlwyd"
ADMIN = ("admin", "password")  # as the package makes it, in a database of the test's own
CLIENT_SECRET = "a client's secret: 100% & more"


def missing():
    """Why it cannot be started here; empty = it can."""
    if not pathlib.Path(PROGRAM).exists() or not SCHEMA.exists():
        return "glewlwyd is not installed"
    return "" if shutil.which("openssl") else "openssl is not installed"


def run(*command, **more):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more)


def make_certificates(folder):
    """ca.crt, server.crt and server.key: of an authority that nobody else knows, for localhost."""
    (folder / "ext").write_text("subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n")
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=test authority",
        "-keyout", str(folder / "ca.key"), "-out", str(folder / "ca.crt"))
    run("openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", str(folder / "server.key"),
        "-out", str(folder / "server.csr"))
    run("openssl", "x509", "-req", "-in", str(folder / "server.csr"), "-CA", str(folder / "ca.crt"), "-CAkey", str(folder / "ca.key"),
        "-CAcreateserial", "-days", "30", "-extfile", str(folder / "ext"), "-out", str(folder / "server.crt"))


class Browser:
    """Cookies of one person's browser; follows nothing by itself."""

    def __init__(self, authority=None):
        self.cookies = {}  # (host, name) -> value
        self.tls = ssl.create_default_context(cafile=str(authority)) if authority else None

    def ask(self, method, url, body=None, kind="application/x-www-form-urlencoded", more=None):
        u = urllib.parse.urlsplit(url)
        connection = (http.client.HTTPSConnection(u.hostname, u.port, timeout=60, context=self.tls) if u.scheme == "https"
                      else http.client.HTTPConnection(u.hostname, u.port, timeout=60))
        headers = {**(more or {}), "Cookie": "; ".join(f"{name}={value}" for (host, name), value in self.cookies.items() if host == u.netloc)}
        if body is not None:
            headers["Content-Type"] = kind
        if method != "GET" and u.scheme == "http":
            headers["Origin"] = f"http://{u.netloc}"
        connection.request(method, urllib.parse.urlunsplit(("", "", u.path, u.query, "")), body, headers)
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
        for line in answer.headers.get_all("Set-Cookie") or []:
            name, value = line.split(";")[0].split("=", 1)
            if "max-age=0" in line.lower().replace(" ", ""):
                self.cookies.pop((u.netloc, name), None)
            else:
                self.cookies[(u.netloc, name)] = value
        connection.close()
        return answer.status, answer.headers, text


class Glewlwyd:
    def __init__(self, folder, redirects):
        self.folder = folder
        self.port = free_port()
        self.base = f"https://localhost:{self.port}"
        self.issuer = f"{self.base}/api/oidc"
        self.redirects = redirects
        folder.mkdir()
        make_certificates(folder)
        self.authority = folder / "ca.crt"
        (folder / "secret").write_text(CLIENT_SECRET + "\n")
        database = sqlite3.connect(folder / "db")
        database.executescript(SCHEMA.read_text())
        database.close()
        (folder / "conf").write_text(f"""port={self.port}
bind_address="127.0.0.1"
external_url="{self.base}"
login_url="login.html"
api_prefix="api"
log_mode="file"
log_level="DEBUG"
log_file="{folder}/log"
cookie_domain="localhost"
session_key="GLEWLWYD2_SESSION_ID"
admin_scope="g_admin"
profile_scope="g_profile"
user_module_path="/usr/lib/glewlwyd/user"
client_module_path="/usr/lib/glewlwyd/client"
user_auth_scheme_module_path="/usr/lib/glewlwyd/scheme"
plugin_module_path="/usr/lib/glewlwyd/plugin"
use_secure_connection=true
secure_connection_key_file="{folder}/server.key"
secure_connection_pem_file="{folder}/server.crt"
secure_connection_ca_file="{folder}/ca.crt"
hash_algorithm="SHA512"
database={{ type="sqlite3"; path="{folder}/db"; }};
""")
        self.process = None

    def start(self):
        out = open(self.folder / "out", "ab")
        self.process = subprocess.Popen([PROGRAM, "--config-file=" + str(self.folder / "conf")], stdout=out, stderr=out)
        out.close()

        def answers():
            if self.process.poll() is not None:
                raise AssertionError("glewlwyd ended: " + (self.folder / "out").read_text(errors="replace")[-2000:])
            try:
                return Browser(self.authority).ask("GET", self.base + "/config")[0] == 200
            except OSError:
                return False
        until("glewlwyd to answer", answers)
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

    def api(self, browser, method, path, body=None):
        status, _, text = browser.ask(method, self.base + "/api/" + path, None if body is None else json.dumps(body), "application/json")
        if status != 200:
            log = (self.folder / "log").read_text(errors="replace")[-3000:] if (self.folder / "log").exists() else ""
            raise AssertionError(f"glewlwyd {method} {path}: {status} {text}\n{log}")
        return json.loads(text) if text.strip() else None

    def administrator(self):
        browser = Browser(self.authority)
        self.api(browser, "POST", "auth/", {"username": ADMIN[0], "password": ADMIN[1]})
        return browser

    def set_key(self, key_pem, public_pem, kind="rsa", size="256"):
        self.plugin = {
            "iss": self.issuer, "jwt-type": kind, "jwt-key-size": size, "key": key_pem, "cert": public_pem,
            "access-token-duration": 300, "refresh-token-duration": 600, "code-duration": 300, "auth-type-code-enabled": True,
            "auth-type-refresh-enabled": True, "auth-type-token-enabled": False, "auth-type-none-enabled": False,
            "auth-type-password-enabled": False, "auth-type-client-enabled": False, "allow-non-oidc": False, "jwks-show": True,
            "pkce-allowed": True, "pkce-method-plain-allowed": False, "pkce-required": True, "subject-type": "public",
            "oauth-as-iss-id": True, "name-claim": "on-demand", "email-claim": "no", "scope-claim": "no",
            "claims": [{"name": "groups", "user-property": "groups", "type": "string", "mandatory": True, "on-demand": False},
                       {"name": "preferred_username", "user-property": "username", "type": "string", "mandatory": True, "on-demand": False}],
        }
        return self.plugin

    def new_key(self, name, kind="rsa"):
        key, public = self.folder / f"{name}.key", self.folder / f"{name}.pub"
        if kind == "rsa":
            run("openssl", "genrsa", "-out", str(key), "2048")
        else:
            run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(key))
        run("openssl", "pkey", "-in", str(key), "-pubout", "-out", str(public))
        return self.set_key(key.read_text(), public.read_text(), "rsa" if kind == "rsa" else "ecdsa")

    def configure(self):
        """Once after the first start: the plugin, a client, users come with user()."""
        admin = self.administrator()
        module = self.api(admin, "GET", "mod/user/database")
        module["parameters"]["data-format"]["groups"] = {"multiple": True, "read": True, "write": True, "profile-read": True, "profile-write": False}
        self.api(admin, "PUT", "mod/user/database", module)
        self.api(admin, "PUT", "mod/user/database/reset")
        self.api(admin, "POST", "mod/plugin/", {"module": "oidc", "name": "oidc", "display_name": "OpenID", "parameters": self.new_key("one")})
        self.api(admin, "POST", "client/", {
            "client_id": "sereno", "name": "Sereno", "confidential": True, "enabled": True, "client_secret": CLIENT_SECRET,
            "redirect_uri": self.redirects, "authorization_type": ["code"], "token_endpoint_auth_method": ["client_secret_post", "client_secret_basic"],
            "scope": ["openid"]})
        return self

    def rotate(self, kind):
        """Another signing key, of another kind if need be."""
        admin = self.administrator()
        self.api(admin, "PUT", "mod/plugin/oidc", {"module": "oidc", "name": "oidc", "display_name": "OpenID", "parameters": self.new_key("two", kind)})
        self.api(admin, "PUT", "mod/plugin/oidc/reset")

    def user(self, name, password, groups):
        admin = self.administrator()
        body = {"username": name, "name": name, "password": password, "scope": ["openid", "g_profile"], "enabled": True, "groups": groups}
        known = admin.ask("GET", self.base + "/api/user/" + name)[0] == 200
        self.api(admin, "PUT" if known else "POST", "user/" + (name if known else ""), body)

    def sign_in(self, browser, address, name, password):
        """What somebody does at the provider's pages: password, consent. Returns where the provider sends the browser."""
        self.api(browser, "POST", "auth/", {"username": name, "password": password})
        self.api(browser, "PUT", "auth/grant/sereno", {"scope": "openid"})
        url = address if re.search(r"[?&]g_continue", address) else address + "&g_continue"
        status, headers, text = browser.ask("GET", url)
        assert status == 302, (status, text[:500])
        return headers["Location"]
