/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Prints which role may ask for which route, from the shipped roles and the table of routes by the function that the desk
 * decides with. usage: permission_matrix [GOLDEN]; with the golden file it says where the two differ, and fails.
 */
#include <stdio.h>
#include <string.h>

#include "api/api_priv.h"

enum { MATRIX_MAX = 256 << 10 /* bytes of the text */ };

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

/* First line in which the two differ, from 1; 0 = none. */
static unsigned difference(struct span a, struct span b)
{
    unsigned line = 1;
    size_t i = 0;
    for (; i < a.len && i < b.len && a.ptr[i] == b.ptr[i]; i++) {
        line += a.ptr[i] == '\n';
    }
    return i == a.len && i == b.len ? 0 : line;
}

int main(int argc, char **argv)
{
    static char golden[MATRIX_MAX];
    struct buf b;
    unsigned at = 0;
    buf_init(&b, MATRIX_MAX);
    print_matrix(&b);
    CHECK(!b.failed);
    if (argc < 2) {
        (void)fwrite(b.data, 1, b.len, stdout);
    } else {
        FILE *f = fopen(argv[1], "re");
        size_t n = f == NULL ? 0 : fread(golden, 1, sizeof golden, f);
        at = difference(buf_view(&b), span_make(golden, n));
        if (f != NULL) {
            (void)fclose(f);
        }
        if (at > 0) {
            (void)fprintf(stderr, "%s:%u: who may do what is another than there. Look whether that is meant, then run "
                                  "build/tests/api/permission_matrix > tests/api/permission_matrix.txt\n", argv[1], at);
        }
    }
    buf_free(&b);
    return at > 0;
}
