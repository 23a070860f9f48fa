/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of sereno.yml: what is taken, what is refused and where, what each role gets to see, and the message codec. */
#include "desk/identity/directory.h"
#include "roles/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "event/alert.h"

static int read_text(struct config *c, const char *text, struct err *e)
{
    size_t n = strlen(text);
    char *exact = mem_alloc(n);
    memcpy(exact, text, n);
    config_init(c);
    memset(e, 0, sizeof *e);
    int rc = config_read(c, SPAN("/etc/sereno/sereno.yml"), span_make(exact, n), e);
    mem_free(exact); /* the config must not point into it */
    return rc;
}

#define SAME(a, b) assert_true(span_eq((a), SPAN(b)))

static const char whole[] =
    "node: {name: Town hall, organisation: Ourtown}\n"
    "data: data\n"
    "desk:\n"
    "  listen: 0.0.0.0:8600\n"
    "  tls: {cert: tls/desk.crt, key: /etc/keys/desk.key}\n"
    "ingest: {listen: '127.0.0.1:8611'}\n"
    "sources:\n"
    "  - {name: web, kind: file, path: /var/log/nginx/access.log, source: web, silent_after: 900}\n"
    "  - {name: fw, kind: syslog-udp, listen: '192.0.2.1:514', zone: '+02:00'}\n"
    "  - {name: fw2, kind: syslog-tcp, listen: '[::1]:514', zone: -03:30}\n"
    "  - {name: school, kind: http, token: 0123456789abcdef, organisation: School}\n"
    "  - {name: j, kind: journal, zone: UTC}\n"
    "rules: [/usr/share/rules, local]\n"
    "notify:\n"
    "  mail: {server: 'smtp://mail:25', from: s@x, to: [a@x, b@x], levels: [high, critical]}\n"
    "  webhook: {url: 'https://hook/x'}\n"
    "  heartbeat: {url: 'https://beat/x', every: 30}\n"
    "copy: {folder: safe, same_disk: true, give_up_after: 60}\n"
    "retention: {days: 365, sources: [{name: web, days: 30}, {name: court, days: 0}], registers: [{name: person, days: 90}]}\n"
    "intakes: 3\n"
    "hunters: 3\n"
    "hub: {listen: '0.0.0.0:8610', name: City hub, url: 'https://hub.example:8610'}\n"
    "sign_in:\n"
    "  url: https://soc.example:8600\n"
    "  oidc:\n"
    "    - {name: city, title: City hall, issuer: 'https://id.example/realm', client_id: sereno, client_secret_file: keys/city,\n"
    "       ca_file: /etc/ca.pem, hosts: keys.example, allow: 10.0.0.0/8, scopes: [openid, groups], claims: {groups: realm_access.roles},\n"
    "       second_factor: {amr: [mfa, otp]}, roles: [{group: chiefs, role: ciso, organisation: Ourtown}, {group: soc, role: analyst}]}\n"
    "    - {name: spare, issuer: 'https://id2.example', client_id: x, roles: [{group: g, role: r}]}\n"
    "  ldap:\n"
    "    - {name: office, title: Office, kind: active_directory, url: 'ldaps://dc1.city.example', ca_file: ca.pem,\n"
    "       bind_dn: 'CN=sereno,DC=city', bind_password_file: keys/office, people: {base: 'OU=People,DC=city'},\n"
    "       groups: {base: 'OU=Groups,DC=city', nested: true}, roles: [{group: 'CN=soc,DC=city', role: analyst, organisation: Ourtown}]}\n"
    "    - {name: plain, kind: openldap, url: 'ldap://10.1.2.3:1389', bind_dn: 'cn=s,dc=x', bind_password_file: /k,\n"
    "       people: {base: 'dc=x', filter: '(mail={name})', id: nsUniqueId, name: cn}, groups: {attribute: memberOf}, roles: [{group: 'cn=g,dc=x', role: r}]}\n"
    "federation:\n"
    "  proxy: http://10.0.0.1:3128\n"
    "  allow: [10.99.0.0/16, 'fd00::/8']\n";

/* role: whose part it is; ROLE_COUNT = the whole. */
static void check_sign_in(const struct config *c, unsigned role)
{
    bool desk = role == ROLE_DESK || role == ROLE_COUNT, courier = role == ROLE_COURIER || role == ROLE_COUNT;
    const struct sign_in *s = &c->sign_in;
    assert_true(span_eq(s->url, desk ? SPAN("https://soc.example:8600") : SPAN("")));
    assert_int_equal(s->n, desk || courier ? 2 : 0);
    if (s->n == 0) {
        return;
    }
    const struct provider *p = provider_find(s, SPAN("city"));
    SAME(p->issuer, "https://id.example/realm");
    assert_true(p->has_secret && !s->providers[1].has_secret);
    assert_true(span_eq(p->secret_file, courier ? SPAN("/etc/sereno/keys/city") : SPAN("")));
    assert_true(span_eq(p->ca_file, courier ? SPAN("/etc/ca.pem") : SPAN("")));
    assert_true(p->hosts.n == 1 && p->allow.n == (courier ? 1 : 0) && p->amr.n == (desk ? 2 : 0) && p->acr.n == 0);
    assert_true(span_eq(p->scope, desk ? SPAN("openid groups") : SPAN("")) && span_eq(p->title, desk ? SPAN("City hall") : SPAN("")));
    assert_int_equal(p->nroles, desk ? 2 : 0);
    if (desk) {
        SAME(p->roles[0].organisation, "Ourtown");
        SAME(p->roles[1].organisation, "*");
        SAME(p->groups_claim, "realm_access.roles");
        SAME(s->providers[1].title, "spare");
        SAME(s->providers[1].name_claim, "preferred_username");
    }
}

/* role: as for check_sign_in. The courier is told where and how, the desk what it is worth; neither has all. */
static void check_directories(const struct config *c, unsigned role)
{
    bool desk = role == ROLE_DESK || role == ROLE_COUNT, courier = role == ROLE_COURIER || role == ROLE_COUNT;
    const struct sign_in *s = &c->sign_in;
    assert_int_equal(s->ndirectories, desk || courier ? 2 : 0);
    const struct directory *d = directory_find(s, SPAN("office"));
    if (d == NULL) {
        return;
    }
    SAME(d->id, "objectGUID");
    assert_true(span_eq(d->title, desk ? SPAN("Office") : SPAN("")) && d->nroles == (desk ? 1 : 0));
    assert_true(span_eq(d->password_file, courier ? SPAN("/etc/sereno/keys/office") : SPAN("")));
    assert_true(span_eq(d->url, courier ? SPAN("ldaps://dc1.city.example") : SPAN("")));
    assert_true(span_eq(d->ca_file, courier ? SPAN("/etc/sereno/ca.pem") : SPAN("")));
    if (courier) {
        SAME(d->groups_filter, "(member:1.2.840.113556.1.4.1941:={dn})");
        SAME(d->groups_base, "OU=Groups,DC=city");
        SAME(d->filter, "(&(objectCategory=person)(objectClass=user)(sAMAccountName={name}))");
        SAME(s->directories[1].filter, "(mail={name})");
        SAME(s->directories[1].groups_attribute, "memberOf");
        SAME(s->directories[1].shown, "cn");
    }
    SAME(s->directories[1].id, "nsUniqueId");
}

static void check_whole(const struct config *c)
{
    check_directories(c, ROLE_COUNT);
    check_sign_in(c, ROLE_COUNT);
    SAME(c->node_name, "Town hall");
    SAME(c->organisation, "Ourtown");
    SAME(c->data_dir, "/etc/sereno/data");
    SAME(c->desk.listen, "0.0.0.0:8600");
    SAME(c->desk.tls_cert, "/etc/sereno/tls/desk.crt");
    SAME(c->desk.tls_key, "/etc/keys/desk.key");
    SAME(c->ingest.listen, "127.0.0.1:8611");
    assert_int_equal(c->nsources, 5);
    SAME(c->sources[0].path, "/var/log/nginx/access.log");
    SAME(c->sources[0].source, "web");
    SAME(c->sources[0].organisation, "Ourtown");
    assert_int_equal(c->sources[0].zone_s, config_local_zone());
    assert_int_equal(c->sources[1].zone_s, 7200);
    SAME(c->sources[1].source, "auto");
    assert_int_equal(c->sources[2].zone_s, -12600);
    SAME(c->sources[3].organisation, "School");
    /* BLAKE2b-256 of the token, from python3 hashlib.blake2b(b"0123456789abcdef", digest_size=32) */
    SAME(c->sources[3].token_hash,
         "c783baf5fb1427e7d924c9fe93ee161169324bb139d9cd8d8b9602c412ec6cda");
    assert_int_equal(c->sources[4].zone_s, 0);
    assert_int_equal(c->nrules, 2);
    SAME(c->rules[1], "/etc/sereno/local");
    assert_int_equal(c->mail.nto, 2);
    SAME(c->mail.to[1], "b@x");
    assert_int_equal(c->mail.levels, 1 << LEVEL_HIGH | 1 << LEVEL_CRITICAL);
    assert_int_equal(c->webhook.levels, 1 << LEVEL_CRITICAL);
    assert_int_equal(c->heartbeat_every_s, 30);
    assert_int_equal(c->retention_days, 365);
    SAME(c->copy.folder, "/etc/sereno/safe");
    assert_true(c->copy.same_disk && c->copy.give_up_after_s == 60);
    assert_int_equal(c->nretention, 2);
    SAME(c->retention[0].source, "web");
    assert_int_equal(c->retention[0].days, 30);
    assert_int_equal(c->retention[1].days, 0);
    assert_int_equal(c->nretention_kinds, 1);
    SAME(c->retention_kinds[0].source, "person");
    assert_int_equal(c->retention_kinds[0].days, 90);
    assert_int_equal(c->intakes, 3);
    assert_int_equal(c->hunters, 3);
    SAME(c->hub.at.listen, "0.0.0.0:8610");
    assert_true(c->hub.at.tls);
    SAME(c->hub.name, "City hub");
    SAME(c->federation.proxy, "http://10.0.0.1:3128");
    assert_int_equal(c->federation.nallow, 2);
    SAME(c->federation.allow[1], "fd00::/8");
}

static void test_whole(void **state)
{
    (void)state;
    struct config c;
    struct err e;
    int rc = read_text(&c, whole, &e);
    if (rc != 0) {
        fail_msg("%s:%u: %s", e.where, e.line, e.text);
    }
    check_whole(&c);
    config_fini(&c);
}

static void test_empty_file_is_all_defaults(void **state)
{
    (void)state;
    struct config c;
    struct err e;
    assert_int_equal(read_text(&c, "node: {name: x}\n", &e), 0);
    SAME(c.desk.listen, "127.0.0.1:8600");
    SAME(c.ingest.listen, "127.0.0.1:8601");
    assert_int_equal(c.nsources, 0);
    assert_int_equal(c.retention_days, 0);
    assert_in_range(c.intakes, 1, CONFIG_INTAKES_AUTO);
    assert_int_equal(c.hunters, 1);
    config_fini(&c);
}

#define PROVIDER "sign_in: {url: 'https://x', oidc: [{name: a, "

/* A directory that is right but for what comes last. */
#define DIRECTORY_NAMED(name) "sign_in: {url: 'https://x', ldap: [{name: " name ", kind: openldap, bind_dn: 'cn=s', bind_password_file: k, "
#define DIRECTORY DIRECTORY_NAMED("a")
#define DIRECTORY_END "people: {base: 'dc=x'}, roles: [{group: 'cn=g', role: r}]}]}\n"

struct refused_case {
    const char *text;
    uint32_t line; /* 0 = concerns several places */
    const char *why;
};

static const struct refused_case refused_cases[] = {
    {"node: {name: x}\nnoed: 1\n", 2, "unknown key 'noed'"},
    {"node: {name: x}\nintakes: 0\n", 2, "intakes"},
    {"intakes: 65\n", 1, "intakes"},
    {"intakes: many\n", 1, "intakes"},
    {"node:\n  name: x\n  nmae: y\n", 3, "unknown key 'nmae'"},
    {"desk:\n  tls: {cert: a, key: b, password: c}\n", 2, "unknown key 'password'"},
    {"sources:\n  - name: a\n    kind: file\n    path: /x\n    pth: y\n", 5,
     "unknown key 'pth'"},
    {"sources:\n  - name: a\n    kind: ftp\n", 3, "kind must be"},
    {"sources:\n  - kind: journal\n", 2, "name"},
    {"sources:\n  - name: a\n", 2, "kind"},
    {"sources: 5\n", 1, "sources must be a list"},
    {"sources: [5]\n", 1, "a source must be a map"},
    {"sources: [{name: a, kind: file}]\n", 0, "needs path"},
    {"sources: [{name: a, kind: syslog-udp}]\n", 0, "needs listen"},
    {"sources: [{name: a, kind: journal, path: /x}]\n", 0, "has no path"},
    {"sources: [{name: a, kind: syslog-tcp, listen: 'localhost:1'}]\n", 0, "no address:port"},
    {"sources: [{name: a, kind: journal}, {name: a, kind: journal}]\n", 0, "two sources"},
    {"sources: [{name: a, kind: file, path: /x}, {name: b, kind: file, path: /x}]\n", 0, "both read /x"},
    {"sources: [{name: a, kind: syslog-udp, listen: '127.0.0.1:5514'}, {name: b, kind: syslog-udp, listen: '127.0.0.1:5514'}]\n", 0,
     "both read 127.0.0.1:5514"},
    {"sources: [{name: \"\", kind: journal}]\n", 0, "its name"},
    {"sources: [{name: \"a\\nb\", kind: journal}]\n", 0, "its name"},
    {"sources: [{name: a, kind: journal, zone: '+15:00'}]\n", 1, "zone"},
    {"sources: [{name: a, kind: journal, zone: CET}]\n", 1, "zone"},
    {"sources: [{name: a, kind: http, token: short}]\n", 1, "16 bytes"},
    {"sources: [{name: a, kind: journal, token: 0123456789abcdef}]\n", 1,
     "only sources of kind http"},
    {"desk: {listen: 8600}\n", 0, "no address:port"},
    {"desk: {tls: {cert: a}}\n", 1, "key"},
    {"ingest: {listen: '0.0.0.0:8601'}\n", 0, "reachable from other machines"},
    {"notify: {mail: {server: 'smtp://x', from: a}}\n", 0, "needs from and to"},
    {"notify: {mail: {server: 'ftp://x', from: a, to: b}}\n", 0, "smtp://"},
    {"notify: {webhook: {url: 'file:///etc/passwd'}}\n", 0, "no http://"},
    {"notify:\n  webhook:\n    url: http://x\n    levels: [fatal]\n", 4, "levels are"},
    {"notify: {heartbeat: {url: 'http://x', every: 0}}\n", 1, "every"},
    {"copy: {same_disk: true}\n", 1, "folder"},
    {"copy: {folder: x, host_key: y}\n", 1, "host_key"},
    {"copy: {folder: x, url: 'sftp://u@h/x'}\n", 1, "not both"},
    {"copy: {url: 'sftp://u@h/x'}\n", 1, "key_file"},
    {"copy: {url: 'sftp://u@h/x', key_file: k}\n", 1, "needs host_key"},
    {"copy: {url: 'sftp://u:pw@h/x', key_file: k, host_key: x}\n", 1, "without a password"},
    {"copy: {url: 'sftp://u@h/x', key_file: k, host_key: x}\n", 1, "ssh-keygen"},
    {"copy: {url: 'ftp://u@h/x', key_file: k}\n", 1, "sftp://"},
    {"copy: {url: 's3://abc/x', key_file: k}\n", 1, "endpoint"},
    {"copy: {url: 's3://abc/x', key_file: k, endpoint: 'http://h'}\n", 1, "without TLS"},
    {"copy: {url: 's3://abc/x', key_file: k, endpoint: 'https://h', lock_days: 0}\n", 1, "lock_days"},
    {"copy: {url: 's3://abc/x', key_file: k, endpoint: 'https://h', piece_mib: 5121}\n", 1, "piece_mib"},
    {"copy: {folder: x, endpoint: y}\n", 1, "endpoint"},
    {"copy: {folder: x, same_disk: maybe}\n", 1, "same_disk is true or false"},
    {"copy: {folder: x, give_up_after: 1}\n", 1, "give_up_after"},
    {"copy: /mnt\n", 1, "copy"},
    {"retention: {days: 0}\n", 1, "days"},
    {"retention: {}\n", 1, "days"},
    {"retention: {sources: [{name: web}]}\n", 1, "days"},
    {"retention: {sources: [{days: 3}]}\n", 1, "name"},
    {"retention: {sources: [{name: web, days: -1}]}\n", 1, "days"},
    {"retention: {sources: web}\n", 1, "sources"},
    {"retention: {registers: [{name: person}]}\n", 1, "days"},
    {"retention: {registers: [{name: person, days: -1}]}\n", 1, "days"},
    {"retention: {registers: [{kind: person, days: 1}]}\n", 1, "kind"},
    {"hunters: 9\n", 1, "hunters"},
    {"hunters: many\n", 1, "hunters"},
    {"hub: {name: x}\n", 1, "listen"},
    {"hub: {listen: hub}\n", 0, "no address:port"},
    {"hub: {listen: '0.0.0.0:1', url: 'http://x'}\n", 0, "https://"},
    {"hub:\n  listen: '0.0.0.0:1'\n  tls: {}\n", 3, "unknown key 'tls'"},
    {"federation: {allow: [10.0.0.0/33]}\n", 0, "no network"},
    {"federation: {allow: [intranet]}\n", 0, "no network"},
    {"federation: {proxy: 'socks5://x'}\n", 0, "proxy must be"},
    {"federation:\n  hub: x\n", 2, "unknown key 'hub'"},
    {"sign_in:\n  url: https://x\n  saml: []\n", 3, "unknown key 'saml'"},
    {"sign_in: {oidc: []}\n", 1, "url"},
    {"sign_in: {url: 'https://x', ldap: {}}\n", 1, "ldap"},
    {DIRECTORY_NAMED("A") "url: 'ldaps://d', " DIRECTORY_END, 1, "small letters"},
    {DIRECTORY "url: 'http://d', " DIRECTORY_END, 1, "ldaps://host"},
    {DIRECTORY "url: 'ldap://d/', " DIRECTORY_END, 1, "ldaps://host"},
    {DIRECTORY "url: 'ldaps://d', tls: false, " DIRECTORY_END, 1, "unknown key 'tls'"},
    {DIRECTORY "url: 'ldaps://d', groups: {nested: true}, " DIRECTORY_END, 1, "nested is for active_directory"},
    {DIRECTORY "url: 'ldaps://d', groups: {filter: '(member={name})'}, " DIRECTORY_END, 1, "{dn}"},
    {DIRECTORY "url: 'ldaps://d', groups: {attribute: 'a)b'}, " DIRECTORY_END, 1, "is no name of an attribute"},
    {DIRECTORY "url: 'ldaps://d', people: {base: 'dc=x', filter: '(uid=x)'}, roles: [{group: 'cn=g', role: r}]}]}\n", 1, "{name}"},
    {DIRECTORY "url: 'ldaps://d', people: {base: here}, roles: [{group: 'cn=g', role: r}]}]}\n", 1, "distinguished name"},
    {DIRECTORY "url: 'ldaps://d', people: {base: 'dc=x'}, roles: [{group: soc, role: r}]}]}\n", 1, "distinguished name"},
    {DIRECTORY "url: 'ldaps://d', people: {base: 'dc=x'}}]}\n", 1, "roles is missing"},
    {"sign_in: {url: 'https://x', ldap: [{name: a, kind: openldap, url: 'ldaps://d', bind_dn: 'cn=s', " DIRECTORY_END, 1, "bind_password_file is missing"},
    {"sign_in: {url: 'https://x', ldap: [{name: a, kind: novell, url: 'ldaps://d', bind_dn: 'cn=s', bind_password_file: k, " DIRECTORY_END, 1, "kind is"},
    {"sign_in: {url: 'http://soc.example'}\n", 1, "url must be"},
    {"sign_in: {url: 'http://127.0.0.1.example'}\n", 1, "url must be"},
    {"sign_in: {url: 'http://127.0.0.1:8600@soc.example'}\n", 1, "url must be"},
    {"sign_in: {url: 'https://soc.example/'}\n", 1, "without / at its end"},
    {"sign_in: {url: 'https://x', oidc: 5}\n", 1, "oidc"},
    {"sign_in: {url: 'https://x', oidc: [{name: City}]}\n", 1, "small letters"},
    {PROVIDER "issuer: 'http://id', client_id: s, roles: [{group: g, role: r}]}]}\n", 1, "issuer must be"},
    {PROVIDER "issuer: 'https://id', client_id: s}]}\n", 1, "roles is missing"},
    {PROVIDER "issuer: 'https://id', client_id: s, roles: []}]}\n", 1, "roles has no row"},
    {PROVIDER "issuer: 'https://id', client_id: s, roles: [{group: g}]}]}\n", 1, "role"},
    {PROVIDER "issuer: 'https://id', roles: [{group: g, role: r}]}]}\n", 1, "client_id"},
    {PROVIDER "issuer: 'https://id', client_id: s, client_secret: x, roles: [{group: g, role: r}]}]}\n", 1, "unknown key 'client_secret'"},
    {PROVIDER "issuer: 'https://id', client_id: s, scopes: [profile], roles: [{group: g, role: r}]}]}\n", 1, "must have openid"},
    {PROVIDER "issuer: 'https://id', client_id: s, hosts: ['https://x'], roles: [{group: g, role: r}]}]}\n", 1, "hosts: names"},
    {PROVIDER "issuer: 'https://id', client_id: s, allow: [inside], roles: [{group: g, role: r}]}]}\n", 1, "allow: networks"},
    {PROVIDER "issuer: 'https://id', client_id: s, proxy: 'socks5://x', roles: [{group: g, role: r}]}]}\n", 1, "proxy must be"},
    {PROVIDER "issuer: 'https://id', client_id: s, claims: {mail: x}, roles: [{group: g, role: r}]}]}\n", 1, "unknown key 'mail'"},
    {PROVIDER "issuer: 'https://id', client_id: s, roles: [{group: g, role: r}]}, {name: a}]}\n", 1, "two providers"},
    {"- a\n", 1, ""},
    {"node: {name: [a]}\n", 1, "name"},
    {"node: {name: x\n", 0, ""},
    {"data: \"a\\0b\"\n", 1, "zero byte"},
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refused_cases); i++) {
        struct config c;
        struct err e;
        int rc = read_text(&c, refused_cases[i].text, &e);
        bool good = rc == ERR_INVALID && strstr(e.text, refused_cases[i].why) != NULL &&
                    strcmp(e.where, "/etc/sereno/sereno.yml") == 0 &&
                    (refused_cases[i].line == 0 || e.line == refused_cases[i].line);
        if (!good) {
            fail_msg("%s\n -> %d %s:%u: %s", refused_cases[i].text, rc, e.where, e.line, e.text);
        }
        config_fini(&c);
    }
}

static void decode_exact(const struct buf *b, size_t len, int want, struct config *out)
{
    char *exact = mem_alloc(len);
    memcpy(exact, b->data, len);
    config_init(out);
    struct err e;
    assert_int_equal(config_decode(out, span_make(exact, len), &e), want);
    mem_free(exact);
}

static void test_codec(void **state)
{
    (void)state;
    struct config c, got;
    struct err e;
    struct buf b;
    assert_int_equal(read_text(&c, whole, &e), 0);
    buf_init(&b, 1 << 20);
    for (unsigned role = ROLE_COMPILER; role < ROLE_COUNT; role++) {
        buf_clear(&b);
        config_encode(&c, (enum role_id)role, &b);
        assert_false(b.failed);
        for (size_t cut = 0; cut < b.len; cut++) {
            decode_exact(&b, cut, ERR_INVALID, &got);
            config_fini(&got);
        }
        decode_exact(&b, b.len, 0, &got);
        SAME(got.node_name, "Town hall");
        check_sign_in(&got, role);
        check_directories(&got, role);
        assert_int_equal(got.retention_days, 365);
        assert_int_equal(got.nretention, role == ROLE_KEEPER ? 2 : 0);
        assert_int_equal(got.nretention_kinds, role == ROLE_KEEPER ? 1 : 0);
        assert_int_equal(got.copy.folder.len > 0, role == ROLE_KEEPER);
        assert_true(got.copy.same_disk && got.copy.give_up_after_s == c.copy.give_up_after_s);
        assert_int_equal(got.intakes, 3);
        assert_int_equal(got.hunters, 3);
        assert_int_equal(got.federation.nallow, role == ROLE_COURIER ? 2 : 0);
        assert_int_equal(got.hub.name.len > 0, role == ROLE_DESK);
        bool intake = role == ROLE_INTAKE;
        bool hunter = role == ROLE_HUNTER;
        assert_int_equal(got.nsources,
                         intake || hunter || role == ROLE_KEEPER || role == ROLE_DESK ? 5 : 0);
        for (uint32_t i = 0; i < got.nsources; i++) {
            assert_true(span_eq(got.sources[i].name, c.sources[i].name));
            assert_int_equal(got.sources[i].zone_s, c.sources[i].zone_s);
            assert_int_equal(got.sources[i].silent_after_s, i == 0 ? 900 : 0);
            assert_int_equal(got.sources[i].path.len > 0, i == 0 && !hunter);
            /* a token's hash is for intake alone */
            assert_int_equal(got.sources[i].token_hash.len, intake && i == 3 ? 64 : 0);
        }
        bool courier = role == ROLE_COURIER;
        assert_int_equal(got.mail.nto, courier ? 2 : 0);
        assert_int_equal(got.heartbeat_url.len > 0, courier);
        assert_int_equal(got.webhook.url.len > 0, courier || role == ROLE_DESK);
        assert_int_equal(got.data_dir.len > 0, role == ROLE_KEEPER);
        assert_int_equal(got.desk.tls_key.len, 0); /* never its path */
        assert_true(got.desk.tls);
        assert_false(got.ingest.tls);
        config_fini(&got);
    }
    buf_u8(&b, 0);
    decode_exact(&b, b.len, ERR_INVALID, &got); /* one byte too many */
    config_fini(&got);
    buf_free(&b);
    config_fini(&c);
}

static void test_default(void **state)
{
    (void)state;
    struct config c;
    struct err e;
    config_init(&c);
    config_default(&c);
    int rc = config_check(&c, &e);
    if (rc != 0) {
        fail_msg("%s", e.text);
    }
    assert_true(c.nsources >= 3);
    assert_true(config_is_loopback(c.desk.listen));
    assert_true(config_is_loopback(c.ingest.listen));
    for (uint32_t i = 0; i < c.nsources; i++) {
        assert_true(c.sources[i].listen.len == 0 || config_is_loopback(c.sources[i].listen));
    }
    config_fini(&c);
}

/* Folder of the source tree: the first argument. */
static const char *source_root;

/* The example that the README points at, as it is and with every commented key taken in. */
static void test_example(void **state)
{
    (void)state;
    static char text[64 * 1024];
    char path[4096];
    if (source_root == NULL) {
        skip();
    }
    (void)snprintf(path, sizeof path, "%s/packaging/sereno.yml", source_root);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t n = fread(text, 1, sizeof text, f);
    (void)fclose(f);
    for (unsigned all = 0; all < 2; all++) {
        struct config c;
        struct err e = {0};
        config_init(&c);
        if (config_read(&c, SPAN("sereno.yml"), span_make(text, n), &e) != 0) {
            fail_msg("%s:%u: %s", e.where, e.line, e.text);
        }
        assert_int_equal(c.nsources, 5);
        assert_int_equal(c.mail.nto, all);
        assert_int_equal(c.nrules, all);
        assert_int_equal(c.federation.nallow, all);
        assert_int_equal(c.hub.at.listen.len > 0, all);
        config_fini(&c);
        for (size_t i = 0; i + 2 < n; i++) { /* "# key:" and "#   - item" become what they show; prose has capitals */
            bool starts = (i == 0 || text[i - 1] == '\n') && text[i] == '#' && text[i + 1] == ' ';
            if (starts && text[i + 2] >= 'A' && text[i + 2] <= 'Z') {
                continue;
            }
            if (starts) {
                memmove(text + i, text + i + 2, n - i - 2);
                n -= 2;
            }
        }
    }
}

/* A copy on the network: super knows all of it, the keeper its name, nobody else anything. */
static void test_remote_copy(void **state)
{
    (void)state;
    static const char pin[] = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";
    char text[512];
    struct config c, got;
    struct err e;
    struct buf b;
    (void)snprintf(text, sizeof text, "copy: {url: 'sftp://u@h/x', key_file: k, host_key: [%s, %s], allow: 10.0.0.0/8}\n", pin, pin);
    assert_int_equal(read_text(&c, text, &e), 0);
    SAME(c.copy.place.url, "sftp://u@h/x");
    SAME(config_copy_place(&c), "sftp://u@h/x");
    SAME(c.copy.key_file, "/etc/sereno/k");
    assert_int_equal(c.copy.place.npins, 2);
    SAME(c.copy.place.allow[0], "10.0.0.0/8");
    buf_init(&b, 1 << 20);
    for (unsigned role = ROLE_COMPILER; role < ROLE_COUNT; role++) {
        buf_clear(&b);
        config_encode(&c, (enum role_id)role, &b);
        decode_exact(&b, b.len, 0, &got);
        assert_int_equal(got.copy.place.url.len > 0, role == ROLE_KEEPER);
        assert_int_equal(got.copy.key_file.len + got.copy.place.npins, 0);
        config_fini(&got);
    }
    buf_free(&b);
    config_fini(&c);
}

int main(int argc, char **argv)
{
    source_root = argc > 1 ? argv[1] : NULL;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_remote_copy), cmocka_unit_test(test_example), cmocka_unit_test(test_whole),   cmocka_unit_test(test_empty_file_is_all_defaults),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_codec),
        cmocka_unit_test(test_default),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
