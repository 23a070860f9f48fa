/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * For tests/schema: lines on standard input, "S <schema in one line of JSON>" and "D <value>", one answer to each: "ok" or
 * "refused <why>"; "valid", "invalid" or "unreadable <why>". Never installed.
 */
#include <stdio.h>
#include <string.h>

#include "records/schema/schema.h"

enum { LINE_MAX_BYTES = 1 << 20 };

static struct arena schema_arena, value_arena;
static struct schema_file *file;

static void take_schema(struct span text)
{
    struct yaml_docs docs = {0};
    struct err e = {0};
    schema_free(&file);
    arena_reset(&schema_arena);
    int rc = yaml_read(&schema_arena, arena_copy(&schema_arena, text), &docs, &e);
    if (rc == 0 && (docs.len != 1 || docs.docs[0].root == NULL)) {
        rc = err_set(&e, ERR_INVALID, "no document");
    }
    rc = rc == 0 ? schema_read(&schema_arena, docs.docs[0].root, &file, &e) : rc;
    (void)printf(rc == 0 ? "ok\n" : "refused %s\n", e.text);
}

static void take_value(struct span text)
{
    struct jcs *v = NULL;
    struct err e = {0};
    struct schema_result r;
    arena_reset(&value_arena);
    if (jcs_read_decimals(&value_arena, text, JCS_DEPTH_MAX, &v, &e) != 0) {
        (void)printf("unreadable %s\n", e.text);
        return;
    }
    schema_check(file, v, &value_arena, &r);
    (void)printf("%s\n", r.valid ? "valid" : "invalid");
}

int main(void)
{
    static char line[LINE_MAX_BYTES];
    arena_init(&schema_arena, 0);
    arena_init(&value_arena, 0);
    while (fgets(line, sizeof line, stdin) != NULL && strlen(line) > 2) {
        struct span text = span_trim(span_of(line + 2));
        if (line[0] == 'S') {
            take_schema(text);
        } else if (file != NULL) {
            take_value(text);
        } else {
            return 2;
        }
        (void)fflush(stdout);
    }
    schema_free(&file);
    arena_fini(&schema_arena);
    arena_fini(&value_arena);
    return 0;
}
