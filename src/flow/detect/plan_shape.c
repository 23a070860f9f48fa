/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The shape of a regular expression: which kinds of bytes stand side by side in every text it matches (plan.h, plan_shape).
 * plan_regex.c reads the expression and tells its elements. Only texts of ASCII are judged by it, folded ones: classes hold
 * lower case. Whatever is not understood admits more, never less. Compiler role.
 */
#include "base/num.h"
#include "flow/detect/plan_build.h"

enum { RUN_MIN = 8 }; /* shorter rows are left to the window */

/* A window that more than one text in a few holds is not worth the look. */
static const double WINDOW_WORTH = 0.02;

void plan_class_add(struct plan_class *c, unsigned from, unsigned to)
{
    for (unsigned i = from; i <= to && i < 128; i++) {
        c->has[(unsigned char)ascii_lower((char)i)] = 1;
    }
}

static void invert(struct plan_class *c, const uint8_t had[128])
{
    memset(c, 0, sizeof *c);
    for (unsigned i = 0; i < 128; i++) {
        if (!had[i]) {
            plan_class_add(c, i, i);
        }
    }
}

bool plan_class_escape(struct plan_class *c, char letter)
{
    uint8_t had[128] = {0};
    char kind = (char)(letter | 0x20);
    if (kind != 'd' && kind != 'w' && kind != 's') {
        return false;
    }
    for (unsigned i = 0; i < 128; i++) {
        bool digit = i >= '0' && i <= '9';
        bool word = digit || i == '_' || ((i | 0x20) >= 'a' && (i | 0x20) <= 'z');
        had[i] = kind == 'd' ? digit : kind == 'w' ? word : i == ' ' || (i >= 9 && i <= 13);
        if (letter == kind && had[i]) {
            plan_class_add(c, i, i);
        }
    }
    if (letter != kind) {
        struct plan_class other;
        invert(&other, had);
        for (unsigned i = 0; i < 128; i++) {
            c->has[i] |= other.has[i];
        }
    }
    return true;
}

static bool is_plain(char c)
{
    return (unsigned char)c < 0x80 && c != '\\' && c != '[' && c != '-';
}

/* Single bytes and ranges of plain ones; classes by escape. False: something else. */
static bool read_members(struct span s, uint8_t had[128])
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        struct plan_class sub = {{0}};
        if (c == '\\' && i + 1 < s.len) {
            char e = s.ptr[++i];
            if (plan_class_escape(&sub, e)) {
                return false; /* its members are folded already, and a negation would need them as they are */
            }
            bool alnum = (e >= '0' && e <= '9') || ((e | 0x20) >= 'a' && (e | 0x20) <= 'z');
            if (alnum || (unsigned char)e >= 0x80) {
                return false;
            }
            had[(unsigned char)e] = 1;
        } else if (is_plain(c) && i + 2 < s.len && s.ptr[i + 1] == '-' && is_plain(s.ptr[i + 2])) {
            for (unsigned k = (unsigned char)c; k <= (unsigned char)s.ptr[i + 2]; k++) {
                had[k] = 1;
            }
            i += 2;
        } else if (is_plain(c) || (c == '-' && (i == 0 || i + 1 == s.len))) {
            had[(unsigned char)c] = 1;
        } else {
            return false;
        }
    }
    return true;
}

void plan_class_read(struct plan_class *c, struct span inside)
{
    uint8_t had[128] = {0};
    bool not = inside.len > 0 && inside.ptr[0] == '^';
    memset(c, 0, sizeof *c);
    if (!read_members(not ? span_sub(inside, 1, inside.len) : inside, had)) {
        plan_class_add(c, 0, 127);
        return;
    }
    if (not) {
        /* When case does not matter [^a] leaves out both cases, else it leaves one: the larger class is taken. */
        invert(c, had);
        return;
    }
    for (unsigned i = 0; i < 128; i++) {
        if (had[i]) {
            plan_class_add(c, i, i);
        }
    }
}

/* Share of the bytes of ordinary texts that are of the class, roughly. */
static double weight_of(const struct plan_class *c)
{
    double all = 0;
    double in = 0;
    for (unsigned i = ' '; i < 127; i++) {
        if (i < 'A' || i > 'Z') {
            all += plan_byte_weight((char)i);
            in += c->has[i] ? plan_byte_weight((char)i) : 0;
        }
    }
    return in > 0 ? in / all : 0.5 / all;
}

static void take_window(struct plan_shaping *x, uint32_t at, uint32_t len, double weight)
{
    if (weight >= x->window_weight) {
        return;
    }
    x->window_weight = weight;
    x->shape.has_window = 1;
    memset(&x->shape.window, 0, sizeof x->shape.window);
    for (uint32_t k = 0; k < PLAN_MASK_PLACES; k++) {
        if (k >= len) {
            plan_admit_all(&x->shape.window, k, 0);
            continue;
        }
        for (unsigned i = 0; i < 128; i++) {
            if (x->row[at + k].has[i]) {
                plan_admit(&x->shape.window, k, (unsigned char)i, 0);
            }
        }
    }
}

static void take_run(struct plan_shaping *x, uint32_t at, uint32_t len)
{
    double weight = 1;
    double each = weight_of(&x->row[at]);
    for (uint32_t i = 0; i < len; i++) {
        weight *= each;
    }
    if (len >= RUN_MIN && weight < x->run_weight) {
        x->run_weight = weight;
        x->shape.run = len;
        memcpy(x->shape.run_class, x->row[at].has, sizeof x->shape.run_class);
    }
}

void plan_shaping_init(struct plan_shaping *x)
{
    memset(x, 0, sizeof *x);
    x->window_weight = WINDOW_WORTH;
    x->run_weight = WINDOW_WORTH;
}

void plan_shaping_break(struct plan_shaping *x)
{
    for (uint32_t i = 0; i < x->n; i++) {
        uint32_t len = x->n - i < PLAN_MASK_PLACES ? x->n - i : PLAN_MASK_PLACES;
        double weight = 1;
        for (uint32_t k = 0; k < len; k++) {
            weight *= weight_of(&x->row[i + k]);
        }
        take_window(x, i, len, weight);
    }
    for (uint32_t i = 0, end; i < x->n; i = end) {
        end = i + 1;
        while (end < x->n && memcmp(&x->row[end], &x->row[i], sizeof x->row[i]) == 0) {
            end++;
        }
        take_run(x, i, end - i);
    }
    x->n = 0;
}

static void put_row(struct plan_shaping *x, const struct plan_class *c, uint32_t times)
{
    for (uint32_t i = 0; i < times; i++) {
        if (x->n == PLAN_SHAPE_MAX) {
            plan_shaping_break(x);
        }
        x->row[x->n++] = *c;
    }
}

void plan_shaping_put(struct plan_shaping *x, const struct plan_class *c, struct plan_times times)
{
    put_row(x, c, times.min);
    if (!times.exact || times.min == PLAN_TIMES_MAX) {
        /* More of them may follow: what comes next stands beside the last of these only. */
        plan_shaping_break(x);
        put_row(x, c, times.min < PLAN_MASK_PLACES ? times.min : PLAN_MASK_PLACES - 1);
    }
}

uint32_t plan_row_of(struct span pattern, unsigned flags)
{
    uint64_t n = 0;
    if ((flags & REGEX_S) != 0 || pattern.len <= 4 || !span_starts(pattern, SPAN(".{")) || !span_ends(pattern, SPAN(",}"))) {
        return 0;
    }
    return num_u64(span_sub(pattern, 2, pattern.len - 4), &n) && n <= UINT16_MAX ? (uint32_t)n : 0;
}
