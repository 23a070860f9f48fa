/* SPDX-License-Identifier: EUPL-1.2 */
/* Any bytes as a list of the personnel office: refused with a reason, or each row has a name that an account can have, or a fault. */
#include <stdint.h>

#include "desk/identity/staff_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena a;
    static struct people_roles *roles;
    struct staff_list l;
    struct err e = {0};
    if (roles == NULL) {
        arena_init(&a, 0);
        roles = people_roles_load(NULL, 0);
    }
    const struct staff_importer by = {roles, SPAN("harbour"), SPAN("me")};
    const struct person there = {.id = SPAN("u"), .role = SPAN("reader"), .organisation = SPAN("harbour"), .disabled = TIME_NONE};
    int rc = staff_list_read(&a, span_make((const char *)data, size), &by, &l, &e);
    CHECK(rc == 0 || ((rc == ERR_INVALID || rc == ERR_LIMIT) && e.text[0] != '\0'));
    for (uint32_t i = 0; rc == 0 && i < l.count; i++) {
        struct staff_row *row = &l.rows[i];
        struct staff_change c;
        CHECK((row->fault == NULL) == (row->column == NULL));
        if (row->fault != NULL) {
            continue;
        }
        CHECK(account_name_valid(row->name) && (row->role.len == 0 || people_roles_find(roles, row->role) != NULL));
        CHECK(row->organisation.len == 0 || span_eq(row->organisation, by.organisation));
        bool changes = staff_row_change(&by, row, i % 2 == 0 ? NULL : &there, &c);
        CHECK(!changes || (row->fault == NULL && span_eq(c.organisation, by.organisation)));
    }
    arena_reset(&a);
    return 0;
}
