/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Prints what each shipped role may do with records of each shipped kind, by the functions that the desk decides with, on a record
 * of the role's own organisation under the kind's default label. usage: register_matrix [GOLDEN]; with the golden file it says where
 * the two differ, and fails.
 */

#include "api/api_priv.h"
#include "desk/readers/readers.h"
#include "records/registers/register.h"
#include "tests/api/golden.h"

static void put_fields(struct buf *b, const char *what, const struct register_kind *k, uint64_t bits)
{
    for (uint32_t f = 0; f < k->nfields; f++) {
        if ((bits >> f & 1) != 0) {
            buf_printf(b, " %s:%.*s", what, SPAN_ARG(k->fields[f].name));
        }
    }
}

static void print_row(struct buf *b, const struct register_kind *k, const struct people_role *role)
{
    static const struct {
        enum record_op op;
        const char *name;
    } ops[] = {{RECORD_READ, "read"}, {RECORD_CREATE, "create"}, {RECORD_CHANGE, "change"}, {RECORD_MOVE, "move"}};
    const struct account account = {.id = SPAN("anna"), .name = SPAN("Anna"), .role = role->name, .organisation = SPAN("harbour")};
    struct policy_reader reader;
    reader_of_account(&account, role, &reader);
    const struct policy_record own = {SPAN("harbour"), SPAN("bo"), k->tlp_default};
    bool read = policy_record_allows(&reader, &k->rights, &own, RECORD_READ, 0);
    buf_printf(b, "%-16.*s %-14.*s", SPAN_ARG(k->name), SPAN_ARG(role->name));
    for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
        bool is_write = ops[i].op != RECORD_READ;
        bool may = policy_record_allows(&reader, &k->rights, &own, ops[i].op, 0) && people_role_may(role, is_write ? RIGHT_RECORDS : RIGHT_RECORDS_READ);
        buf_printf(b, " %-6s", may ? ops[i].name : "-");
    }
    if (read) {
        put_fields(b, "hidden", k, policy_record_hidden_by_role(&reader, &k->rights));
        put_fields(b, "fixed", k, policy_record_fixed(&reader, &k->rights));
        put_fields(b, "masked", k, policy_record_masked(&reader, &k->rights, NULL, SPAN(""), 0));
    }
    for (uint32_t t = 0; t < k->ntransitions && read; t++) {
        if ((k->transitions[t].roles & role->acts_as) != 0 && people_role_may(role, RIGHT_RECORDS)) {
            buf_printf(b, " %.*s>%.*s", SPAN_ARG(k->states[k->transitions[t].from].id), SPAN_ARG(k->states[k->transitions[t].to].id));
        }
    }
    while (b->len > 0 && b->data[b->len - 1] == ' ') {
        b->len--;
    }
    buf_cstr(b, "\n");
}

static void print_matrix(struct buf *b)
{
    size_t nroles = 0;
    size_t nkinds = 0;
    struct people_roles *people = people_roles_load(NULL, 0);
    struct registers *registers = registers_load(NULL, 0);
    const struct people_role *roles = people_roles_all(people, &nroles);
    const struct register_kind *kinds = registers_all(registers, &nkinds);
    for (size_t k = 0; k < nkinds; k++) {
        for (size_t r = 0; r < nroles; r++) {
            print_row(b, &kinds[k], &roles[r]);
        }
    }
    registers_free(&registers);
    people_roles_free(&people);
}

int main(int argc, char **argv)
{
    return golden_main(argc, argv, print_matrix, "who may do what with records");
}
