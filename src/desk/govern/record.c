/* SPDX-License-Identifier: EUPL-1.2 */
/* Records as people work on them: see record.h. */
#include "desk/govern/record_priv.h"

#include "desk/govern/due.h"

/* ---- what was sent ---- */

bool record_is_line(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c < 0x20 || c == 0x7f) {
            return false;
        }
    }
    return true;
}

int record_input_read(struct span body, bool is_new, struct arena *a, struct record_input *out, struct err *e)
{
    static const char *const new_names[] = {"fields", "tlp", "why", "organisation", NULL};
    static const char *const names[] = {"fields", "tlp", "why", NULL};
    struct jcs *doc = NULL;
    struct err why = {0};
    *out = (struct record_input){0};
    if (jcs_read_decimals(a, body, JCS_DEPTH_MAX, &doc, &why) != 0) {
        return err_set(e, ERR_INVALID, "The body cannot be read: %.300s.", why.text);
    }
    if (!jcs_only(doc, is_new ? new_names : names) || (out->fields = jcs_get_object(doc, "fields")) == NULL) {
        return err_set(e, ERR_INVALID, "The body must be an object with \"fields\" and, if need be, \"tlp\", \"why\"%s.",
                       is_new ? ", \"organisation\"" : "");
    }
    const struct {
        const char *name;
        struct span *to;
        size_t max;
    } texts[] = {{"tlp", &out->tlp, 64}, {"why", &out->why, RECORD_WHY_MAX}, {"organisation", &out->organisation, RECORD_ORGANISATION_MAX}};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        bool there = jcs_get(doc, texts[i].name) != NULL;
        if (there && (!jcs_get_text(doc, texts[i].name, texts[i].to) || texts[i].to->len > texts[i].max || !record_is_line(*texts[i].to))) {
            return err_set(e, ERR_INVALID, "\"%s\" must be one line of text of at most %zu bytes.", texts[i].name, texts[i].max);
        }
    }
    return 0;
}

/* ---- faults ---- */

void record_fault(struct record_faults *f, struct span pointer, enum schema_reason reason, struct span limit)
{
    if (f->count < SCHEMA_FAULTS_MAX) {
        f->list[f->count] = (struct schema_fault){pointer, reason, limit};
    }
    f->count++;
}

static struct span pointer_of(struct arena *a, struct span field)
{
    struct buf b;
    buf_init(&b, 16 << 10);
    buf_cstr(&b, "/fields/");
    for (size_t i = 0; i < field.len && b.len < SCHEMA_POINTER_MAX; i++) {
        char c = field.ptr[i];
        buf_cstr(&b, c == '~' ? "~0" : c == '/' ? "~1" : "");
        if (c != '~' && c != '/') {
            buf_u8(&b, (uint8_t)c);
        }
    }
    struct span s = arena_copy(a, buf_view(&b));
    buf_free(&b);
    return s;
}

void record_check(const struct schema_file *schema, const struct jcs *fields, struct arena *a, struct record_faults *f)
{
    struct schema_result r;
    schema_check(schema, fields, a, &r);
    for (uint32_t i = 0; i < r.kept; i++) {
        record_fault(f, span_of(arena_printf(a, "/fields%.*s", SPAN_ARG(r.list[i].pointer))), r.list[i].reason, r.list[i].limit);
    }
    f->count += r.count - r.kept;
}

/* ---- rights ---- */

void record_for_policy(const struct record_row *row, struct policy_record *out)
{
    *out = (struct policy_record){row->organisation, row->author, row->tlp};
}

bool record_may(const struct record_worker *w, const struct record_row *row, enum record_op op)
{
    struct policy_record r;
    record_for_policy(row, &r);
    return policy_record_allows(w->reader, &w->kind->rights, &r, op, w->now);
}

uint32_t record_roles(const struct record_worker *w, const struct record_row *row)
{
    struct policy_record r;
    record_for_policy(row, &r);
    return policy_record_roles(w->reader, &w->kind->rights, &r, w->now);
}

uint64_t record_closed(const struct record_worker *w, const struct record_row *row, uint64_t *fixed_out)
{
    struct policy_record r;
    record_for_policy(row, &r);
    if (fixed_out != NULL) {
        *fixed_out = policy_record_fixed_of(w->reader, &w->kind->rights, &r, w->now);
    }
    return policy_record_hidden_of(w->reader, &w->kind->rights, &r, w->now);
}

/* A looser label only by whom made the record: his session is his word. */
static bool may_label(const struct record_worker *w, const struct record_row *before, const struct record_row *after)
{
    struct policy_record rows[2];
    struct policy_item items[2];
    struct policy_marking markings[2];
    record_for_policy(before, &rows[0]);
    record_for_policy(after, &rows[1]);
    for (int i = 0; i < 2; i++) {
        policy_record_item(&rows[i], &items[i], &markings[i]);
    }
    bool author = span_eq(before->author, w->reader->person);
    return policy_may_change_label(&markings[0], &markings[1], author ? CHANGER_AUTHOR : CHANGER_SOURCE, author).allowed;
}

static void set_label(const struct record_worker *w, struct span text, const struct record_row *before, struct record_row *row,
                      struct record_faults *f)
{
    enum tlp label = TLP_UNKNOWN;
    if (text.len == 0) {
        row->tlp = before == NULL ? w->kind->tlp_default : before->tlp;
        return;
    }
    for (int t = TLP_CLEAR; t <= TLP_RED; t++) {
        label = span_eq(text, span_of(tlp_name((enum tlp)t))) ? (enum tlp)t : label;
    }
    row->tlp = label;
    if (label == TLP_UNKNOWN) {
        record_fault(f, SPAN("/tlp"), SCHEMA_ENUM, SPAN("CLEAR, GREEN, AMBER, AMBER+STRICT, RED"));
    } else if (tlp_rank(label) > tlp_rank(w->kind->tlp_max)) {
        record_fault(f, SPAN("/tlp"), SCHEMA_MAXIMUM, span_of(tlp_name(w->kind->tlp_max)));
    } else if (before != NULL && !may_label(w, before, row)) {
        record_fault(f, SPAN("/tlp"), SCHEMA_FIXED, SPAN(""));
    }
}

/* ---- fields ---- */

static bool same(const struct jcs *a, const struct jcs *b, struct arena *arena)
{
    return a != NULL && b != NULL && span_eq(jcs_text(arena, a), jcs_text(arena, b));
}

/* What he sent, and of what he does not see or may not write what stood there; what is masked stays unless he sends another value. row: of
 * which his rights are asked; before: NULL = it is new. */
static struct jcs *merge(const struct record_worker *w, const struct jcs *sent, const struct record_row *row, const struct jcs *before,
                         struct arena *a, struct record_faults *f)
{
    const struct jcs *told = before == NULL ? NULL : record_fields_told(w->kind, row, before, a);
    uint64_t fixed = 0;
    uint64_t hidden = record_closed(w, row, &fixed);
    uint64_t masked = before == NULL ? 0 : record_masked(w, row);
    struct jcs *out = jcs_new_object(a);
    for (const struct jcs *m = sent->first; m != NULL; m = m->next) {
        int place = register_field_of(w->kind, m->key);
        const char *name = arena_cstr(a, m->key);
        if (place >= 0 && w->kind->fields[place].computed != NULL) {
            continue; /* a table or a form may bring it back as it was told; it is worked out anew */
        }
        if (place >= 0 && (hidden >> place & 1) != 0) {
            record_fault(f, pointer_of(a, m->key), SCHEMA_UNKNOWN, m->key); /* as one that is not there */
        } else if (place >= 0 && (fixed >> place & 1) != 0) {
            if ((masked >> place & 1) != 0 || !same(m, jcs_get(told, name), a)) { /* else one could guess at what is masked */
                record_fault(f, pointer_of(a, m->key), SCHEMA_FIXED, SPAN(""));
            }
        } else {
            jcs_set(a, out, name, jcs_copy(a, m));
        }
    }
    for (const struct jcs *m = before == NULL ? NULL : before->first; m != NULL; m = m->next) {
        int place = register_field_of(w->kind, m->key);
        bool unsent = place >= 0 && (masked >> place & 1) != 0 && jcs_get(out, arena_cstr(a, m->key)) == NULL;
        if (unsent || (place >= 0 && ((hidden | fixed) >> place & 1) != 0)) {
            jcs_set(a, out, arena_cstr(a, m->key), jcs_copy(a, m));
        }
    }
    if (before != NULL) {
        record_links_keep(w->kind, row, before, a, out);
    }
    return out;
}

/* fields as they become; sent: by the writer, NULL = none. */
static void finish(const struct record_worker *w, const struct jcs *fields, const struct jcs *before, const struct jcs *sent, struct span why, const char *what, struct arena *a,
                   struct record_put *out, struct record_faults *f)
{
    out->row.fields = jcs_text(a, fields);
    out->row.title = register_title(w->kind, fields);
    out->row.links = SPAN("");
    out->row.changed = w->now;
    if (!record_links_make(w->kind, fields, before, sent, a, out)) {
        record_fault(f, SPAN("/fields"), SCHEMA_TOO_MUCH, SPAN(""));
    }
    if (w->sight == NULL) {
        record_sight_of(w->kinds, w->reader, w->now, &out->sight);
    }
    if (out->row.fields.len > REGISTER_DOCUMENT_MAX) {
        record_fault(f, SPAN("/fields"), SCHEMA_TOO_MUCH, SPAN(""));
    }
    policy_record_scope(w->reader, &w->kind->rights, w->now, &out->scope);
    out->who = w->name;
    out->why = why;
    out->what = span_of(what);
    out->nkeys = (uint32_t)register_keys(a, w->kind, fields, out->row.organisation, out->row.state, out->row.tlp, out->row.created,
                                         out->row.changed, out->keys);
    /* Who writes it must be able to read it afterwards. */
    if (f->count == 0 && !record_may(w, &out->row, RECORD_READ)) {
        record_fault(f, SPAN("/tlp"), SCHEMA_NEVER, SPAN(""));
    }
}

int record_make(const struct record_worker *w, struct span id, struct span organisation, const struct record_input *in, struct arena *a,
                struct record_put *out, struct record_faults *faults)
{
    *faults = (struct record_faults){0};
    *out = (struct record_put){.row = {.id = id,
                                       .kind = w->kind->name,
                                       .organisation = organisation,
                                       .author = w->reader->person,
                                       .author_name = w->name,
                                       .state = w->kind->states[w->kind->initial].id,
                                       .created = w->now,
                                       .version = 1}};
    set_label(w, in->tlp, NULL, &out->row, faults);
    struct record_row as_default = out->row;
    as_default.tlp = w->kind->tlp_default;
    if (!record_may(w, &as_default, RECORD_CREATE)) {
        return ERR_DENIED;
    }
    const struct jcs *fields = merge(w, in->fields, &as_default, NULL, a, faults);
    record_check(w->kind->schema, fields, a, faults);
    finish(w, fields, NULL, in->fields, in->why, "record.created", a, out, faults);
    return 0;
}

/* The row as it is, one version on, and its fields. */
static int from_current(const struct record_row *current, struct arena *a, struct record_put *out, struct jcs **fields)
{
    *out = (struct record_put){.row = *current};
    out->row.version = current->version + 1;
    return jcs_read_decimals(a, current->fields, JCS_DEPTH_MAX, fields, NULL);
}

int record_change(const struct record_worker *w, const struct record_row *current, const struct record_input *in, struct arena *a,
                  struct record_put *out, struct record_faults *faults)
{
    struct jcs *before = NULL;
    *faults = (struct record_faults){0};
    int rc = record_may(w, current, RECORD_CHANGE) ? from_current(current, a, out, &before) : ERR_DENIED;
    if (rc != 0) {
        return rc;
    }
    set_label(w, in->tlp, current, &out->row, faults);
    const struct jcs *fields = merge(w, in->fields, current, before, a, faults);
    record_check(w->kind->schema, fields, a, faults);
    finish(w, fields, before, in->fields, in->why, "record.changed", a, out, faults);
    return 0;
}

const struct register_transition *record_way(const struct record_worker *w, const struct record_row *row, struct span to)
{
    uint32_t roles = record_roles(w, row);
    for (uint32_t i = 0; i < w->kind->ntransitions; i++) {
        const struct register_transition *t = &w->kind->transitions[i];
        if (span_eq(w->kind->states[t->from].id, row->state) && span_eq(w->kind->states[t->to].id, to) && (t->roles & roles) != 0) {
            return t;
        }
    }
    return NULL;
}

int record_move(const struct record_worker *w, const struct record_row *current, struct span to, struct span why, struct arena *a,
                struct record_put *out, struct record_faults *faults)
{
    struct jcs *fields = NULL;
    *faults = (struct record_faults){0};
    int rc = record_may(w, current, RECORD_MOVE) ? from_current(current, a, out, &fields) : ERR_DENIED;
    if (rc != 0) {
        return rc;
    }
    const struct register_transition *t = record_way(w, current, to);
    if (t == NULL) {
        record_fault(faults, SPAN("/to"), SCHEMA_NO_WAY, to);
        return 0;
    }
    if (t->reason && why.len == 0) {
        record_fault(faults, SPAN("/why"), SCHEMA_MISSING, SPAN("why"));
    }
    if (t->guard != NULL) {
        record_check(t->guard, record_computed(w, current, fields, a), a, faults);
    }
    out->row.state = w->kind->states[t->to].id;
    finish(w, fields, fields, NULL, why, "record.moved", a, out, faults);
    return 0;
}
