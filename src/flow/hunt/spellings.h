/* SPDX-License-Identifier: EUPL-1.2 */
/* For tests: indicators, many ways of writing each, and records around them. */
#ifndef FLOW_HUNT_SPELLINGS_H
#define FLOW_HUNT_SPELLINGS_H

#include <stdbool.h>

#include "flow/normalise/sources.h"

/* What is looked for, and ways in which a record may write it. */
static const struct {
    const char *indicator;
    const char *written[8];
} things[] = {
    {"185.220.101.34", {"185.220.101.34", "185.220.101.34:443", "::ffff:185.220.101.34", "::FFFF:b9dc:6522", "[185.220.101.34]",
                        "185.220.101.34.", "ip:185.220.101.34", "http://185.220.101.34/x"}},
    {"10.0.0.1", {"10.0.0.1", "10.0.0.1/24", "0:0:0:0:0:ffff:a00:1", "10.0.0.1%eth0", "\\\\10.0.0.1\\\\c$"}},
    {"198.51.100.0/24", {"198.51.100.7", "::ffff:c633:6407", "198.51.101.7"}},
    {"172.16.0.0/12", {"172.17.3.4", "172.32.0.1", "::ffff:172.31.255.255"}},
    {"0.0.0.0/0", {"8.8.8.8"}},
    {"2001:db8::12", {"2001:db8::12", "2001:0DB8:0:0::0012", "[2001:db8:0:0:0:0:0:12]:53", "2001:db8::0.0.0.18", "2001:db8::13"}},
    {"fe80::a:b:c", {"fe80::a:b:c", "fe80::000a:0b:c%eth1", "FE80::A:000B:000C", "fe80::a:b:d"}},
    {"2001:db8:5::/48", {"2001:db8:5::1", "2001:DB8:0005:9::", "2001:db8:6::1"}},
    {"::1", {"::1", "0:0:0:0:0:0:0:1", "::0001", "::0.0.0.1"}},
    {"evil.example", {"evil.example", "EVIL.example.", "x@evil.example", "http://evil.example:8080/a", "evil.example:53", "notevil.example"}},
    {"*.bad-name.example", {"a.b.bad-name.example", "bad-name.example", "https://u:p@c.BAD-name.example/", "x.bad_name.example"}},
    {"http://evil.example/a/Run?x=1", {"http://evil.example/a/Run?x=1", "HTTP://EVIL.example:80/a/Run?x=1#f", "http:\\/\\/evil.example\\/a\\/Run?x=1",
                                       "http://evil.example/a/run?x=1"}},
    {"hxxp://[2001:db8::1]:8080/", {"http://[2001:db8::1]:8080/", "http://[2001:DB8::1]:8080"}},
    {"bob.smith@city.example", {"Bob.Smith@city.example", "<bob.smith@city.example>", "mailto=bob.smith@city.example."}},
    {"0123456789abcdef0123456789abcdef", {"MD5=0123456789ABCDEF0123456789ABCDEF", "0123456789abcdef0123456789abcdef",
                                          "IMPHASH=0123456789ABCDEF0123456789ABCDEF", "\\n0123456789abcdef0123456789abcdef"}},
    {"da39a3ee5e6b4b0d3255bfef95601890afd80709", {"SHA1=DA39A3EE5E6B4B0D3255BFEF95601890AFD80709,MD5=0"}},
    {"file nc.exe", {"C:\\\\Temp\\\\nc.exe", "/tmp/nc.exe", "NC.EXE", "\\tnc.exe", "\\u006ec.exe", "xnc.exe", "\\u002fnc.exe"}},
    {"file C:\\Temp\\Run Me.exe", {"c:\\\\temp\\\\run me.exe", "C:\\\\Temp\\\\Run Me.exe"}},
    {"file kit.exe", {"\xe2\x84\xaait.exe", "\\u212ait.exe", "KIT.exe", "\\u006bit.exe"}},
    {"process ss.exe", {"C:\\\\x\\\\\xc5\xbf\xc5\xbf.exe", "C:\\\\x\\\\ss.exe"}},
    {"file caf\xc3\xa9.exe", {"CAF\xc3\x89.exe", "caf\\u00e9.exe", "caf\\u00C9.EXE"}},
    {"command -enc SQBFAFgA -w", {"powershell -enc SQBFAFgA -w hidden", "x -ENC sqbfafga -window", "x-enc\\tSQBFAFgA -w"}},
    {"command bypass", {"xbypassx", "by\\u0070ass", "Bypass"}},
    {"command a.b c.d e.f", {"xa.b c.d e.fx", "1a.b c.d e.f.g"}},
};
enum { THINGS = sizeof things / sizeof things[0] };

/* A record around one such text; %s is it, kind says how it is read. */
static const struct {
    const char *form;
    enum source_format format;
    bool json; /* texts are as JSON writes them: else what is an escape is plain text */
} frames[] = {
    {"{\"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\"EventID\":1,\"Image\":\"%s\",\"CommandLine\":\"x\"}", FORMAT_JSON, true},
    {"{\"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\"EventID\":1,\"CommandLine\":\"y %s z\"}", FORMAT_JSON, true},
    {"{\"text\":\"%s\",\"n\":[1,{\"m\":\"q\"}]}", FORMAT_JSON, true},
    {"{\"k\":{\"l\":[\"a\",\"see (%s), and\"]}}", FORMAT_JSON, true},
    {"<34>1 2026-11-22T01:00:00Z host app 1 - - from %s here", FORMAT_SYSLOG, false},
    {"<34>Nov 22 01:00:00 host sshd[12]: Failed password for root from %s port 22 ssh2", FORMAT_SYSLOG, false},
    {"<34>1 2026-11-22T01:00:00Z host app 1 - [x@1 a=\"%s\" b=\"\\]\"] text", FORMAT_SYSLOG, false},
    {"type=EXECVE msg=audit(1795309200.1:7): argc=1 a0=\"%s\"", FORMAT_AUDITD, false},
    {"192.0.2.1 - - [22/Nov/2026:01:00:00 +0000] \"GET /%s HTTP/1.1\" 200 1 \"-\" \"%s\"", FORMAT_WEB, false},
};
enum { FRAMES = sizeof frames / sizeof frames[0] };

#endif
