/* SPDX-License-Identifier: EUPL-1.2 */
/* Which records of a kind a list or a table asks for: filters, order, place. Runs in the desk. */
#include "api/registers.h"
#include "records/registers/register_due.h"

#include "base/id.h"
#include "base/num.h"

struct span record_cursor_text(struct arena *a, struct span id, struct span key)
{
    char *hex = arena_bytes(a, key.len * 2 + 1);
    hex_encode(key.ptr, key.len, hex);
    return span_of(arena_printf(a, "%.*s.%s", SPAN_ARG(id), hex));
}

/* Fields of which a key of lists is made, by place: one, or those of days on which something is due. */
static uint64_t made_of(const struct register_kind *k, struct span name)
{
    int place = register_field_of(k, name);
    const struct register_due *due = register_due_of(k, name);
    uint64_t fields = place >= 0 ? UINT64_C(1) << place : due != NULL ? register_due_fields(due) : 0;
    for (uint32_t i = 0; span_eq(name, REGISTER_KEY_DUE) && i < k->ndue; i++) {
        fields |= register_due_fields(&k->due[i]);
    }
    return fields;
}

/* A key by which this reader may sort and filter: what is hidden from him would tell itself by the order. */
static enum register_key_type key_for(const struct record_work *w, struct span name)
{
    const struct register_kind *k = w->who.kind;
    bool hidden = (made_of(k, name) & policy_record_hidden_by_role(w->who.reader, &k->rights)) != 0 || (span_eq(name, REGISTER_KEY_DUE) && k->ndue == 0);
    return hidden ? KEY_NO : register_key_type(k, name);
}

/* What is masked would tell itself by who is found, and by the order. Answers itself. */
static bool masked_key(struct api_request *req, const struct record_work *w, struct span name)
{
    bool masked = (made_of(w->who.kind, name) & record_kind_masked(&w->who)) != 0;
    if (masked) {
        respond_masked(req, arena_cstr(&req->arena, span_sub(name, 0, 64)));
    }
    return masked;
}

static bool read_cursor(struct api_request *req, struct span text, struct record_query *q)
{
    ptrdiff_t dot = span_find(text, '.');
    if (text.len == 0) {
        return true;
    }
    if (dot != ID_TEXT_LEN || text.len > 2u * 4u * REGISTER_TEXT_MAX + ID_TEXT_LEN + 1) {
        return false;
    }
    struct span hex = span_sub(text, (size_t)dot + 1, text.len);
    char *value = arena_bytes(&req->arena, hex.len / 2 + 1);
    q->after_id = span_sub(text, 0, (size_t)dot);
    q->after = span_make(value, hex.len / 2);
    return hex.len % 2 == 0 && id_valid(q->after_id) && hex_decode(hex, value, hex.len / 2);
}

static bool read_filter(struct api_request *req, struct record_work *w, const struct uri_pair *p)
{
    static const struct {
        struct span ending;
        enum record_compare how;
    } ranges[] = {{SPAN(".from"), RECORD_FROM}, {SPAN(".to"), RECORD_TO}};
    struct record_query *q = &w->query;
    struct record_filter f = {.field = p->name, .how = RECORD_EQUAL};
    for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
        if (span_ends(p->name, ranges[i].ending)) {
            f.field = span_sub(p->name, 0, p->name.len - ranges[i].ending.len);
            f.how = ranges[i].how;
        }
    }
    enum register_key_type type = key_for(w, f.field);
    int place = register_field_of(w->who.kind, f.field);
    const char *where = arena_cstr(&req->arena, span_sub(p->name, 0, 64));
    if (type == KEY_NO) {
        respond_error(req, 400, "bad_query", "This register knows no such field in lists.", where);
        return false;
    }
    if (masked_key(req, w, f.field)) {
        return false;
    }
    if (q->nfilters == RECORD_FILTERS_MAX) {
        respond_error(req, 400, "bad_query", "More than 8 filters.", where);
        return false;
    }
    f.target = type == KEY_LINK && place >= 0 ? w->who.kind->fields[place].ref : SPAN("");
    if (!register_key_parse(&req->arena, type, p->value, &f.value) || (f.target.len > 0 && f.how != RECORD_EQUAL)) {
        respond_error(req, 400, "bad_query", "This is no value of that field.", where);
        return false;
    }
    q->filters[q->nfilters++] = f;
    return true;
}

bool record_query_read(struct api_request *req, struct record_work *w)
{
    struct record_query *q = &w->query;
    struct span sort = request_query(req, "sort");
    *q = (struct record_query){.kind = w->who.kind->name};
    policy_record_scope(w->who.reader, &w->who.kind->rights, w->who.now, &q->scope);
    q->descending = sort.len == 0 || sort.ptr[0] == '-';
    q->sort = sort.len == 0 ? REGISTER_KEY_CHANGED : span_sub(sort, q->descending ? 1 : 0, sort.len);
    record_sight_of(w->who.kinds, w->who.reader, w->who.now, &q->sight);
    if (key_for(w, q->sort) == KEY_NO || key_for(w, q->sort) == KEY_LINK) {
        respond_error(req, 400, "bad_query", "This register knows no such field in lists.", "sort");
        return false;
    }
    if (masked_key(req, w, q->sort)) {
        return false;
    }
    q->limit = (uint32_t)request_number(req, "limit", 50);
    if (!read_cursor(req, request_query(req, "cursor"), q)) {
        respond_error(req, 400, "bad_query", "This is no place in a list.", "cursor");
        return false;
    }
    for (size_t i = 0; i < req->uri.query.count; i++) {
        const struct uri_pair *p = &req->uri.query.pair[i];
        if (!route_takes(req->route, p->name) && !read_filter(req, w, p)) {
            return false;
        }
    }
    return true;
}
