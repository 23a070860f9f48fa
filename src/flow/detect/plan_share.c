/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Makes the literal sets of all groups once every plan is drafted. Groups of one field that look for nearly the same many
 * literals (command lines of Sysmon and of Security events) get one set of them all, in which a literal that only the other
 * looks for wakes nobody: one table in the caches in place of two. Compiler role.
 */
#include "flow/detect/plan_build.h"

enum {
    SHARE_MIN = 512,    /* literals: smaller tables are no burden */
    SHARE_MORE = 8,     /* a shared set has at most an eighth more than the greatest of its groups */
    SHARE_TRIES = 64,   /* groups that one is compared with, so that compiling stays linear in the plans */
    NOT_THERE = -1,
};

struct literals {
    const struct plan_literal *l; /* sorted as drafts are: by op, then text; different from each other */
    uint32_t n;
};

static int literal_cmp(const struct plan_literal *a, const struct plan_literal *b)
{
    if (a->op != b->op) {
        return a->op < b->op ? -1 : 1;
    }
    if (a->text.ptr == b->text.ptr && a->text.len == b->text.len) {
        return 0; /* nearly always, where they are equal: texts lie in the region once */
    }
    size_t n = a->text.len < b->text.len ? a->text.len : b->text.len;
    int c = n == 0 ? 0 : memcmp(a->text.ptr, b->text.ptr, n);
    return c != 0 ? c : (a->text.len > b->text.len) - (a->text.len < b->text.len);
}

/* How many stand in x or y; out (room for them, or NULL) gets them in order. */
static uint32_t merge(struct literals x, struct literals y, struct plan_literal *out)
{
    uint32_t n = 0;
    for (uint32_t i = 0, k = 0; i < x.n || k < y.n; n++) {
        int c = i == x.n ? 1 : k == y.n ? -1 : literal_cmp(&x.l[i], &y.l[k]);
        if (out != NULL) {
            out[n] = c <= 0 ? x.l[i] : y.l[k];
        }
        i += c <= 0;
        k += c >= 0;
    }
    return n;
}

static struct literals of_pending(const struct plan_pending *p)
{
    return (struct literals){p->literals, p->n};
}

/* The literals of pending[at] and of all later groups that may share with it, which are marked so. */
static struct literals gather(struct plan_build *b, size_t at)
{
    struct plan_pending *first = &b->pending.data[at];
    struct literals all = of_pending(first);
    uint32_t greatest = all.n;
    bool may = first->n >= SHARE_MIN && first->group->field != FIELD_NONE;
    unsigned tries = 0;
    for (size_t i = at + 1; may && i < b->pending.len && tries < SHARE_TRIES; i++) {
        struct plan_pending *p = &b->pending.data[i];
        if (p->made || p->group->field != first->group->field || p->n < SHARE_MIN) {
            continue;
        }
        tries++;
        uint32_t n = merge(all, of_pending(p), NULL);
        uint32_t most = p->n > greatest ? p->n : greatest;
        if (n > most + most / SHARE_MORE) {
            continue;
        }
        if (n > all.n) {
            struct plan_literal *more = arena_calloc(&b->temp, n, sizeof *more);
            (void)merge(all, of_pending(p), more);
            all = (struct literals){more, n};
        }
        greatest = most;
        p->shares = (int64_t)at;
    }
    first->shares = (int64_t)at;
    return all;
}

/* Whether everything the group looks for stands within a line, wherever that is. */
static bool is_lined(const struct plan_group *g)
{
    bool lined = g->exact == NULL && g->base == NULL;
    for (uint32_t i = 0; lined && i < g->set->n; i++) {
        const struct plan_literal *l = &g->set->literals[i];
        lined = l->op == OP_CONTAINS && memchr(l->text.ptr, '\n', l->text.len) == NULL;
    }
    return lined;
}

/* set's place i holds all.l[order[i]]. */
static void hand_out(struct plan_build *b, struct plan_pending *p, struct literals all, const struct plan_set *set,
                     const uint32_t *order)
{
    int64_t *own = arena_calloc(&b->temp, all.n, sizeof *own); /* where it stands in p's list */
    struct plan_wake *wakes = arena_calloc(b->region, all.n, sizeof *wakes);
    uint32_t k = 0;
    for (uint32_t i = 0; i < all.n; i++) {
        bool is = k < p->n && literal_cmp(&all.l[i], &p->literals[k]) == 0;
        own[i] = is ? (int64_t)k++ : NOT_THERE;
    }
    CHECK(k == p->n);
    for (uint32_t i = 0; i < all.n; i++) {
        if (own[order[i]] != NOT_THERE) {
            wakes[i] = p->wakes[own[order[i]]];
        }
    }
    p->group->set = set;
    p->group->set_wakes = wakes;
    /* Else: hashes of the whole and a few comparisons at the ends. */
    p->group->light = set->ndirect == set->n && set->n <= 1;
    p->group->lined = !p->group->light && is_lined(p->group);
    p->made = true;
}

void plan_share_sets(struct plan_build *b)
{
    for (size_t at = 0; at < b->pending.len; at++) {
        if (b->pending.data[at].made) {
            continue;
        }
        struct literals all = gather(b, at);
        uint32_t *order = arena_calloc(&b->temp, all.n, sizeof *order);
        bool keywords = b->pending.data[at].group->field == FIELD_NONE;
        const struct plan_set *set = plan_set_make(b, all.l, all.n, keywords, order);
        for (size_t i = at; i < b->pending.len; i++) {
            if (!b->pending.data[i].made && b->pending.data[i].shares == (int64_t)at) {
                hand_out(b, &b->pending.data[i], all, set, order);
            }
        }
    }
}
