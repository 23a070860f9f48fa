/* SPDX-License-Identifier: EUPL-1.2 */
/* Originals that are gone: wherever some are, a signed note in the chain must say just that. Called by verify.c. */
#include <stdio.h>
#include <string.h>

#include "archive/verify_priv.h"

void verify_gone_row(struct walk *w, uint32_t id, const unsigned char hash[ARCHIVE_HASH_BYTES],
                     const struct archive_header *h, bool gone)
{
    struct verify_gone *g = &w->purged;
    size_t i = g->sums.len;
    w->report->purged += gone;
    while (i > 0 && g->sums.data[i - 1].sum.day == w->day &&
           !(span_eq(g->sums.data[i - 1].sum.organisation, h->organisation) &&
             span_eq(g->sums.data[i - 1].sum.source, h->source))) {
        i--;
    }
    if (i == 0 || g->sums.data[i - 1].sum.day != w->day) {
        struct verify_sum fresh = {0};
        purge_sum_begin(&fresh.sum, w->day, arena_copy(&g->arena, h->organisation), arena_copy(&g->arena, h->source));
        vec_push(&g->sums, fresh);
        i = g->sums.len;
    }
    g->sums.data[i - 1].gone = g->sums.data[i - 1].gone || gone;
    purge_sum_add(&g->sums.data[i - 1].sum, id, hash, h);
}

void verify_gone_note(struct walk *w, struct span text)
{
    vec_push(&w->purged.notes, arena_copy(&w->purged.arena, text));
}

static bool by_our_key(const struct walk *w, const unsigned char key[SEAL_KEY_BYTES])
{
    return w->witness == NULL || !w->witness->has_key || memcmp(key, w->witness->key, SEAL_KEY_BYTES) == 0;
}

void verify_note(struct walk *w, const struct archive_header *h)
{
    unsigned char key[SEAL_KEY_BYTES];
    enum purge_note_state state = purge_note_check(h->class_name, key);
    w->report->notes++;
    verify_gone_note(w, h->class_name);
    if (state == NOTE_FORGED) {
        verify_bad_text(w, h->id, "signature of a note does not fit");
    } else if (state == NOTE_SIGNED && !by_our_key(w, key)) {
        verify_bad_text(w, h->id, "a note was signed with another key than this node's");
    }
    w->report->proofs += state == NOTE_SIGNED;
}

static bool proves(const struct walk *w, struct span note, struct span text)
{
    unsigned char key[SEAL_KEY_BYTES];
    return note.len > text.len && note.ptr[text.len] == ' ' && span_starts(note, text) &&
           purge_note_check(note, key) == NOTE_SIGNED && by_our_key(w, key);
}

void verify_gone_end(struct walk *w)
{
    struct verify_gone *g = &w->purged;
    int32_t day = w->day;
    for (size_t i = 0; i < g->sums.len; i++) {
        struct buf text;
        bool proved = !g->sums.data[i].gone;
        buf_init(&text, ARCHIVE_NOTE_MAX);
        purge_sum_text(&g->sums.data[i].sum, &text);
        for (size_t k = 0; k < g->notes.len && !proved && !text.failed; k++) {
            proved = proves(w, g->notes.data[k], buf_view(&text));
        }
        if (!proved) {
            char said[3 * ARCHIVE_NAME_MAX];
            (void)snprintf(said, sizeof said, "originals of %.*s, %.*s are gone, and no proof says that just they were let go",
                           SPAN_ARG(g->sums.data[i].sum.organisation), SPAN_ARG(g->sums.data[i].sum.source));
            w->day = g->sums.data[i].sum.day;
            verify_bad_text(w, 0, said);
        }
        buf_free(&text);
    }
    w->day = day;
}
