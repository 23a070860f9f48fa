/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Prints which functions of appointments open which routes, from the shipped roles and the table of routes, to an account that may nothing by
 * itself. Routes that none of them opens are not in it. usage: appointment_matrix [GOLDEN], as permission_matrix.
 */
#include "api/api_priv.h"
#include "tests/api/golden.h"

enum { FUNCTIONS_MAX = 32 };

static uint32_t all_functions(const struct people_roles *roles, struct span out[FUNCTIONS_MAX])
{
    size_t nroles = 0;
    uint32_t n = 0;
    const struct people_role *list = people_roles_all(roles, &nroles);
    for (size_t i = 0; i < nroles; i++) {
        for (uint32_t f = 0; f < list[i].nfunctions; f++) {
            CHECK(n < FUNCTIONS_MAX);
            out[n++] = list[i].functions[f];
        }
    }
    return n;
}

static void print_matrix(struct buf *b)
{
    struct span functions[FUNCTIONS_MAX];
    size_t nroutes = 0;
    struct people_roles *roles = people_roles_load(NULL, 0);
    uint32_t n = all_functions(roles, functions);
    const struct route *routes = route_table(&nroutes);
    buf_printf(b, "%-6s %-52s %-15s", "method", "path", "right");
    for (uint32_t f = 0; f < n; f++) {
        buf_printf(b, " %.*s", SPAN_ARG(functions[f]));
    }
    buf_cstr(b, "\n");
    for (size_t i = 0; i < nroutes; i++) {
        bool opened = false;
        bool opens[FUNCTIONS_MAX] = {false};
        for (uint32_t f = 0; f < n && routes[i].right > RIGHT_KNOWN; f++) {
            const struct appointment_seat seat = {.organisation = SPAN("town"), .function = functions[f], .begins = 0, .ends = 2};
            opens[f] = (readers_seat_rights(&seat, 1, roles, true, 1) >> routes[i].right & 1) != 0;
            opened = opened || opens[f];
        }
        if (!opened) {
            continue;
        }
        buf_printf(b, "%-6s %-52s %-15s", routes[i].method, routes[i].path, right_name(routes[i].right));
        for (uint32_t f = 0; f < n; f++) {
            buf_printf(b, " %-*s", f + 1 == n ? 0 : (int)functions[f].len, opens[f] ? "yes" : "-");
        }
        buf_cstr(b, "\n");
    }
    people_roles_free(&roles);
}

int main(int argc, char **argv)
{
    return golden_main(argc, argv, print_matrix, "what appointments open");
}
