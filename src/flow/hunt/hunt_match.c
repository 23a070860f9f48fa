/* SPDX-License-Identifier: EUPL-1.2 */
/* Indicators against events: see hunt_match.h. Runs in the hunter on bytes of anybody. */
#include "flow/hunt/hunt_match.h"

#include "base/map.h"
#include "base/utf8.h"
#include "base/vec.h"
#include "flow/hunt/shape.h"

enum {
    FOLD_MAX = 4096,     /* bytes of a value that may be a path */
    CIDR_KEY = 2 + 16,   /* address length, prefix, network */
    HASH_DIGITS_MAX = 64,
};

enum { NONE = 0 }; /* maps hold number + 1 */

struct hunt_matcher {
    const struct indicator *list;
    uint32_t count;
    uint32_t *next;  /* indicators with the same key: number + 1 */
    uint64_t *stamp; /* event that counted it last */
    uint64_t event;
    bool wants[INDICATOR_TYPE_COUNT];
    uint64_t seen[INDICATOR_TYPE_COUNT];
    struct map exact[INDICATOR_TYPE_COUNT]; /* by normal form; addresses by their bytes */
    struct map below;                       /* domains whose sub-domains count */
    struct map networks;
    VEC(uint16_t) prefixes; /* address length << 8 | bits, distinct */
    VEC(uint32_t) commands;
    VEC(uint32_t) hits;
    struct arena keys;
    struct arena scratch; /* of one event */
    char folded[FOLD_MAX + FOLD_MAX / 2 + 1]; /* of one path; not on the stack, which is cleared every time */
    time_ns time;
};

static void cidr_key(char out[CIDR_KEY], uint8_t len, uint8_t prefix, const unsigned char *addr)
{
    memset(out, 0, CIDR_KEY);
    out[0] = (char)len;
    out[1] = (char)prefix;
    memcpy(out + 2, addr, 16);
    shape_mask((unsigned char *)out + 2, len, prefix);
}

static void put(struct hunt_matcher *m, struct map *map, struct span key, uint32_t i)
{
    bool fresh = false;
    uint64_t *at = map_at(map, key, &fresh);
    m->next[i] = fresh ? NONE : (uint32_t)*at;
    *at = (uint64_t)i + 1;
}

static void add_network(struct hunt_matcher *m, const struct indicator *in, uint32_t i)
{
    char key[CIDR_KEY];
    uint16_t shape = (uint16_t)(in->addr_len << 8 | in->prefix);
    size_t k = 0;
    while (k < m->prefixes.len && m->prefixes.data[k] != shape) {
        k++;
    }
    if (k == m->prefixes.len) {
        vec_push(&m->prefixes, shape);
    }
    cidr_key(key, in->addr_len, in->prefix, in->addr);
    put(m, &m->networks, arena_copy(&m->keys, span_make(key, sizeof key)), i);
}

static void add(struct hunt_matcher *m, uint32_t i)
{
    const struct indicator *in = &m->list[i];
    m->wants[in->type] = true;
    switch (in->type) {
    case INDICATOR_IPV4:
    case INDICATOR_IPV6:
        put(m, &m->exact[in->type], span_make((const char *)in->addr, in->addr_len), i);
        break;
    case INDICATOR_CIDR:
        add_network(m, in, i);
        break;
    case INDICATOR_DOMAIN:
        put(m, in->subdomains ? &m->below : &m->exact[in->type], in->value, i);
        break;
    case INDICATOR_COMMAND:
        vec_push(&m->commands, i);
        break;
    default:
        put(m, &m->exact[in->type], in->value, i);
        break;
    }
}

struct hunt_matcher *hunt_matcher_new(const struct indicator *list, uint32_t count)
{
    struct hunt_matcher *m = mem_alloc(sizeof *m);
    m->list = list;
    m->count = count;
    m->next = mem_calloc(count, sizeof *m->next);
    m->stamp = mem_calloc(count, sizeof *m->stamp);
    arena_init(&m->keys, 0);
    arena_init(&m->scratch, 0);
    map_init(&m->below);
    map_init(&m->networks);
    for (int t = 0; t < INDICATOR_TYPE_COUNT; t++) {
        map_init(&m->exact[t]);
    }
    for (uint32_t i = 0; i < count; i++) {
        add(m, i);
    }
    return m;
}

void hunt_matcher_free(struct hunt_matcher **given)
{
    struct hunt_matcher *m = *given;
    if (m == NULL) {
        return;
    }
    for (int t = 0; t < INDICATOR_TYPE_COUNT; t++) {
        map_free(&m->exact[t]);
    }
    map_free(&m->below);
    map_free(&m->networks);
    vec_free(&m->prefixes);
    vec_free(&m->commands);
    vec_free(&m->hits);
    arena_fini(&m->keys);
    arena_fini(&m->scratch);
    mem_free(m->next);
    mem_free(m->stamp);
    mem_free(m);
    *given = NULL;
}

static void hit(struct hunt_matcher *m, uint32_t i)
{
    const struct indicator *in = &m->list[i];
    bool over = in->valid_until != TIME_NONE && m->time >= in->valid_until;
    if (m->stamp[i] != m->event && !over) {
        m->stamp[i] = m->event;
        vec_push(&m->hits, i);
    }
}

static void look_up(struct hunt_matcher *m, const struct map *map, struct span key)
{
    uint64_t at = NONE;
    if (map->len > 0 && map_get(map, key, &at)) {
        for (; at != NONE; at = m->next[at - 1]) {
            hit(m, (uint32_t)at - 1);
        }
    }
}

/* ---- shapes ---- */

static bool try_ip(struct hunt_matcher *m, struct span s)
{
    unsigned char addr[16];
    uint8_t len = 0;
    if (!shape_ip(s, addr, &len)) {
        return false;
    }
    enum indicator_type type = len == 4 ? INDICATOR_IPV4 : INDICATOR_IPV6;
    m->seen[type]++;
    m->seen[INDICATOR_CIDR]++;
    look_up(m, &m->exact[type], span_make((const char *)addr, len));
    for (size_t i = 0; i < m->prefixes.len; i++) {
        char key[CIDR_KEY];
        uint8_t of = (uint8_t)(m->prefixes.data[i] >> 8);
        if (of == len) {
            cidr_key(key, len, (uint8_t)(m->prefixes.data[i] & 0xff), addr);
            look_up(m, &m->networks, span_make(key, sizeof key));
        }
    }
    return true;
}

/* Addresses as logs write them: alone, with a port, a zone, a prefix, in brackets, behind "ip:". */
static bool try_address(struct hunt_matcher *m, struct span s)
{
    if (s.len < 2 || try_ip(m, s)) {
        return s.len >= 2;
    }
    ptrdiff_t percent = span_find(s, '%');
    ptrdiff_t slash = span_find(s, '/');
    if (percent > 0 || slash > 0) {
        return try_address(m, span_sub(s, 0, (size_t)(percent > 0 ? percent : slash)));
    }
    ptrdiff_t first = span_find(s, ':');
    if (first < 0) {
        return false;
    }
    size_t last = s.len;
    while (s.ptr[last - 1] != ':') {
        last--;
    }
    return try_ip(m, span_sub(s, 0, last - 1)) || try_ip(m, span_sub(s, last, s.len)) ||
           try_ip(m, span_sub(s, (size_t)first + 1, s.len));
}

static struct span lower(struct hunt_matcher *m, struct span s)
{
    char *out = arena_bytes(&m->scratch, s.len + 1);
    for (size_t i = 0; i < s.len; i++) {
        out[i] = ascii_lower(s.ptr[i]);
    }
    return span_make(out, s.len);
}

static void try_domain(struct hunt_matcher *m, struct span s)
{
    s.len -= s.len > 1 && s.ptr[s.len - 1] == '.';
    if (!m->wants[INDICATOR_DOMAIN] || !shape_domain(s)) {
        return;
    }
    m->seen[INDICATOR_DOMAIN]++;
    struct span name = lower(m, s);
    look_up(m, &m->exact[INDICATOR_DOMAIN], name);
    while (m->below.len > 0 && name.len > 0) {
        look_up(m, &m->below, name);
        ptrdiff_t dot = span_find(name, '.');
        name = dot < 0 ? SPAN("") : span_sub(name, (size_t)dot + 1, name.len);
    }
}

static void try_email(struct hunt_matcher *m, struct span s, size_t at)
{
    struct span domain = span_sub(s, at + 1, s.len);
    domain.len -= domain.len > 1 && domain.ptr[domain.len - 1] == '.';
    if (at == 0 || !shape_domain(domain)) {
        return;
    }
    m->seen[INDICATOR_EMAIL]++;
    if (m->wants[INDICATOR_EMAIL]) {
        look_up(m, &m->exact[INDICATOR_EMAIL], lower(m, span_sub(s, 0, at + 1 + domain.len)));
    }
    try_domain(m, domain);
}

static void try_url(struct hunt_matcher *m, struct span s)
{
    struct span url;
    struct span host;
    while (s.len > 0 && strchr(".:,;!?", s.ptr[s.len - 1]) != NULL && s.ptr[s.len - 1] != '\0') {
        s.len--; /* the end of a sentence */
    }
    if (!shape_url(s, &m->scratch, &url, &host)) {
        return;
    }
    m->seen[INDICATOR_URL]++;
    look_up(m, &m->exact[INDICATOR_URL], url);
    if (!try_ip(m, host)) {
        try_domain(m, host);
    }
}

/* key: what stands in front of "=", so that an IMPHASH is no MD5. */
static void try_hash(struct hunt_matcher *m, struct span s, struct span key)
{
    enum indicator_type type = s.len == 32   ? INDICATOR_MD5
                               : s.len == 40 ? INDICATOR_SHA1
                                             : INDICATOR_SHA256;
    bool other = key.len >= 7 && span_eq_nocase(span_sub(key, key.len - 7, 7), SPAN("imphash"));
    if ((s.len == 32 || s.len == 40 || s.len == HASH_DIGITS_MAX) && m->wants[type] && !other &&
        shape_hex(s)) {
        m->seen[type]++;
        look_up(m, &m->exact[type], lower(m, s));
    }
}

/* A whole value or a word as a file name or path. */
static void try_path(struct hunt_matcher *m, struct span s, enum indicator_type type)
{
    if (!m->wants[type] || s.len == 0 || s.len > FOLD_MAX) {
        return;
    }
    struct span whole = span_make(m->folded, utf8_fold(s, m->folded));
    struct span last = shape_last_part(whole);
    look_up(m, &m->exact[type], whole);
    if (last.len < whole.len) {
        look_up(m, &m->exact[type], last);
    }
}

/* ---- words ---- */

static bool is_url(struct span s)
{
    return memchr(s.ptr, ':', s.len) != NULL && memmem(s.ptr, s.len, "://", 3) != NULL;
}

static void try_plain(struct hunt_matcher *m, struct span s, struct span key, bool url)
{
    try_hash(m, s, key);
    if (url) {
        try_url(m, s);
        return;
    }
    ptrdiff_t at = span_find(s, '@');
    if (at >= 0) {
        try_email(m, s, (size_t)at);
        return;
    }
    if (try_ip(m, s)) {
        return; /* as it stands: an IPv6 address may end in colons */
    }
    while (s.len > 0 && (s.ptr[s.len - 1] == '.' || s.ptr[s.len - 1] == ':' ||
                         s.ptr[s.len - 1] == '-' || s.ptr[s.len - 1] == '!')) {
        s.len--;
    }
    if (s.len < 3 || try_address(m, s)) {
        return;
    }
    ptrdiff_t end = span_find(s, '/');
    s = end > 0 ? span_sub(s, 0, (size_t)end) : s;
    end = span_find(s, ':');
    try_domain(m, end > 0 ? span_sub(s, 0, (size_t)end) : s);
}

static void try_word(struct hunt_matcher *m, struct span s)
{
    size_t eq = s.len;
    bool url = is_url(s);
    while (!url && eq > 0 && s.ptr[eq - 1] != '=') {
        eq--;
    }
    if (url || eq == 0 || eq == s.len) {
        try_plain(m, s, SPAN(""), url);
    } else {
        try_plain(m, span_sub(s, eq, s.len), span_sub(s, 0, eq - 1), false);
    }
    try_path(m, s, INDICATOR_FILE);
}

/* Control characters, blanks, and "'`<>(){}[]|,; */
static bool splits(char c)
{
#define SIX(c) (UINT64_C(1) << ((c) % 64))
    static const uint64_t low = ((SIX(' ') << 1) - 1) | SIX('"') | SIX('\'') | SIX('<') | SIX('>') | SIX('(') | SIX(')') |
                                SIX(',') | SIX(';');
    static const uint64_t high = SIX('`') | SIX('{') | SIX('}') | SIX('[') | SIX(']') | SIX('|');
#undef SIX
    unsigned char at = (unsigned char)c;
    return at < 128 && ((at < 64 ? low : high) >> (at % 64) & 1) != 0;
}

static void try_value(struct hunt_matcher *m, struct span v)
{
    size_t from = 0;
    for (size_t i = 0; i <= v.len; i++) {
        if (i < v.len && !splits(v.ptr[i])) {
            continue;
        }
        if (i > from) {
            try_word(m, span_sub(v, from, i - from));
        }
        from = i + 1;
    }
}

static void try_commands(struct hunt_matcher *m, struct span folded)
{
    m->seen[INDICATOR_COMMAND]++;
    for (size_t i = 0; i < m->commands.len; i++) {
        struct span want = m->list[m->commands.data[i]].value;
        if (folded.len >= want.len && memmem(folded.ptr, folded.len, want.ptr, want.len) != NULL) {
            hit(m, m->commands.data[i]);
        }
    }
}

static void try_processes(struct hunt_matcher *m, struct event *ev)
{
    class_id cls = ev->class_id;
    for (class_id c = cls; c != CLASS_NONE; c = ev->catalog->classes[c].also) {
        event_use_class(ev, c);
        struct span process = event_entity(ev, ENTITY_PROCESS);
        if (process.len > 0) {
            m->seen[INDICATOR_PROCESS]++;
            try_path(m, process, INDICATOR_PROCESS);
        }
    }
    if (cls != CLASS_NONE) {
        event_use_class(ev, cls);
    }
}

uint32_t hunt_matcher_run(struct hunt_matcher *m, struct event *ev, const uint32_t **hits_out)
{
    m->event++;
    m->time = ev->time;
    vec_clear(&m->hits);
    arena_reset(&m->scratch);
    for (uint32_t i = 0; i < ev->leaves.len; i++) {
        uint8_t kind = ev->leaves.data[i].kind;
        if (kind != LEAF_STRING && kind != LEAF_NUMBER) {
            continue;
        }
        struct span v = event_plain(ev, i);
        if (kind == LEAF_STRING) {
            m->seen[INDICATOR_FILE] += v.len > 0;
            try_path(m, v, INDICATOR_FILE);
            if (m->commands.len > 0) {
                try_commands(m, event_folded(ev, i));
            }
        }
        try_value(m, v);
    }
    if (ev->keywords_raw) {
        m->seen[INDICATOR_FILE] += ev->raw.len > 0;
        try_value(m, ev->raw);
        if (m->commands.len > 0) {
            try_commands(m, event_raw_folded(ev));
        }
    }
    if (m->wants[INDICATOR_PROCESS]) {
        try_processes(m, ev);
    }
    *hits_out = m->hits.data;
    return (uint32_t)m->hits.len;
}

uint64_t hunt_matcher_seen(const struct hunt_matcher *m, enum indicator_type type)
{
    return m->seen[type];
}

void hunt_matcher_set_seen(struct hunt_matcher *m, enum indicator_type type, uint64_t seen)
{
    m->seen[type] = seen;
}
