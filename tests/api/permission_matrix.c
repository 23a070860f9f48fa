/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Prints which role may ask for which route, from the shipped roles and the table of routes by the function that the desk
 * decides with. usage: permission_matrix [GOLDEN]; with the golden file it says where the two differ, and fails.
 */
#include <stdio.h>

#include "api/api_priv.h"
#include "tests/api/golden.h"

static void print_row(struct buf *b, const struct route *r, const struct people_role *roles, size_t n)
{
    char head[256];
    (void)snprintf(head, sizeof head, "%-6s %-52s %-18s", r->method, r->path, right_name(r->right));
    buf_cstr(b, head);
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(head, sizeof head, " %-*s", (int)roles[i].name.len, people_role_may(&roles[i], r->right) ? "yes" : "-");
        buf_cstr(b, head);
    }
    while (b->len > 0 && b->data[b->len - 1] == ' ') {
        b->len--;
    }
    buf_cstr(b, "\n");
}

static void print_matrix(struct buf *b)
{
    size_t nroles = 0;
    size_t nroutes = 0;
    char head[128];
    struct people_roles *all = people_roles_load(NULL, 0);
    const struct people_role *roles = people_roles_all(all, &nroles);
    const struct route *routes = route_table(&nroutes);
    (void)snprintf(head, sizeof head, "%-6s %-52s %-18s", "method", "path", "right");
    buf_cstr(b, head);
    for (size_t i = 0; i < nroles; i++) {
        buf_cstr(b, " ");
        buf_span(b, roles[i].name);
    }
    buf_cstr(b, "\n");
    for (size_t i = 0; i < nroutes; i++) {
        print_row(b, &routes[i], roles, nroles);
    }
    people_roles_free(&all);
}

int main(int argc, char **argv)
{
    return golden_main(argc, argv, print_matrix, "who may do what");
}
