/* SPDX-License-Identifier: EUPL-1.2 */
/* Envelopes in a file on a stick: see courier_file.h. */
#include "desk/federation/courier_file.h"

#include "desk/federation/text.h"
#include "wire/jcs.h"

#define PREFIX "sereno-courier-1\n"

int fed_courier_file_make(struct arena *a, const struct fed_courier_file *f, const struct fed_sign_key *key,
                          struct span *text_out, struct err *e)
{
    struct jcs *o = jcs_new_object(a);
    struct jcs *list = jcs_new_array(a);
    unsigned char sig[FED_SIG_BYTES];
    size_t bytes = 0;
    if (f->count > FED_COURIER_ENVELOPES_MAX) {
        return err_set(e, ERR_LIMIT, "more than %d envelopes in one file", FED_COURIER_ENVELOPES_MAX);
    }
    if (!fed_node_valid(f->from) || !fed_node_valid(f->to) || f->epoch == 0 || f->epoch > JCS_INT_MAX ||
        f->from_seq == 0 || f->from_seq > (uint64_t)(JCS_INT_MAX - f->count)) {
        return err_set(e, ERR_INVALID, "a courier file needs sender, receiver and its place in the stream");
    }
    for (uint32_t i = 0; i < f->count; i++) {
        struct jcs *v = NULL;
        bytes += f->envelopes[i].len + 1;
        if (bytes > FED_COURIER_BYTES_MAX - 1024) {
            return err_set(e, ERR_LIMIT, "more than %d bytes in one file", FED_COURIER_BYTES_MAX);
        }
        if (jcs_read(a, f->envelopes[i], FED_DEPTH_MAX, &v, e) != 0 || v->kind != JCS_OBJECT ||
            !jcs_is_canonical(v, f->envelopes[i])) {
            return err_set(e, ERR_INVALID, "envelope %u is not canonical", i + 1);
        }
        jcs_add(list, v);
    }
    jcs_set_int(a, o, "v", 1);
    jcs_set_text(a, o, "from", f->from);
    jcs_set_text(a, o, "to", f->to);
    jcs_set_text(a, o, "stream", f->up ? SPAN("up") : SPAN("down"));
    jcs_set_int(a, o, "epoch", (int64_t)f->epoch);
    jcs_set_int(a, o, "from_seq", (int64_t)f->from_seq);
    jcs_set(a, o, "envelopes", list);
    fed_sign(key, PREFIX, jcs_text(a, o), sig);
    jcs_set_text(a, o, "sig", fed_base64(a, sig, sizeof sig));
    *text_out = jcs_text(a, o);
    return 0;
}

static bool read_fields(struct arena *a, const struct jcs *o, struct fed_courier_file *out,
                        unsigned char sig[FED_SIG_BYTES])
{
    static const char *const names[] = {"v", "from", "to", "stream", "epoch", "from_seq", "envelopes", "sig", NULL};
    struct span stream = {0};
    struct span text = {0};
    int64_t epoch = 0;
    int64_t from_seq = 0;
    const struct jcs *list = jcs_get_array(o, "envelopes");
    if (!jcs_only(o, names) || list == NULL || list->count > FED_COURIER_ENVELOPES_MAX ||
        !jcs_get_text(o, "from", &out->from) || !fed_node_valid(out->from) ||
        !jcs_get_text(o, "to", &out->to) || !fed_node_valid(out->to) ||
        !jcs_get_text(o, "stream", &stream) || !jcs_get_int(o, "epoch", &epoch) || epoch < 1 ||
        !jcs_get_int(o, "from_seq", &from_seq) || from_seq < 1 || from_seq > JCS_INT_MAX - list->count ||
        !jcs_get_text(o, "sig", &text) || !fed_base64_read(text, sig, FED_SIG_BYTES)) {
        return false;
    }
    out->up = span_eq(stream, SPAN("up"));
    out->epoch = (uint64_t)epoch;
    out->from_seq = (uint64_t)from_seq;
    out->envelopes = arena_calloc(a, list->count, sizeof *out->envelopes);
    for (const struct jcs *v = list->first; v != NULL; v = v->next) {
        if (v->kind != JCS_OBJECT) {
            return false;
        }
        out->envelopes[out->count++] = jcs_text(a, v);
    }
    return out->up || span_eq(stream, SPAN("down"));
}

static enum fed_refusal read_whole(struct arena *a, struct span text, struct fed_courier_file *out,
                                   struct jcs **root_out, unsigned char sig[FED_SIG_BYTES], struct err *e)
{
    int64_t version = 0;
    *out = (struct fed_courier_file){0};
    if (text.len > FED_COURIER_BYTES_MAX) {
        return FED_OVERSIZED;
    }
    /* the envelopes stand two levels deeper than on the wire */
    if (jcs_read(a, text, FED_DEPTH_MAX + 2, root_out, e) != 0) {
        return FED_SYNTAX;
    }
    if (!jcs_is_canonical(*root_out, text)) {
        return FED_NOT_CANONICAL;
    }
    if (!jcs_get_int(*root_out, "v", &version) || version != 1) {
        return FED_VERSION;
    }
    return read_fields(a, *root_out, out, sig) ? FED_TAKEN : FED_SHAPE;
}

enum fed_refusal fed_courier_file_read(struct arena *a, struct span text, struct span to,
                                       const unsigned char *(*signer)(void *ctx, struct span from), void *ctx,
                                       struct fed_courier_file *out, struct err *e)
{
    static const char *const unsigned_names[] = {"sig", NULL};
    unsigned char sig[FED_SIG_BYTES];
    struct jcs *root = NULL;
    enum fed_refusal r = read_whole(a, text, out, &root, sig, e);
    if (r == FED_TAKEN) {
        const unsigned char *key = signer(ctx, out->from);
        bool good = key != NULL && fed_verify(key, PREFIX, jcs_text_without(a, root, unsigned_names), sig);
        r = !good ? FED_SIGNATURE : !span_eq(out->to, to) ? FED_STREAM : FED_TAKEN;
    }
    if (r != FED_TAKEN && r != FED_SYNTAX) {
        (void)err_set(e, ERR_INVALID, "%s", fed_refusal_text(r));
    }
    return r;
}
