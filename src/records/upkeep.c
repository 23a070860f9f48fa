/* SPDX-License-Identifier: EUPL-1.2 */
/* What was done last for the safety of the data: see upkeep.h. Runs in commands, caged to the data folder. */
#include "records/upkeep.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"
#include "records/settings.h"

enum { VALUE_MAX = UPKEEP_PLACE_MAX + 128 };

static const char *const names[UPKEEP_KIND_COUNT] = {"upkeep.backup", "upkeep.verify"};

int upkeep_put(struct db *db, enum upkeep_kind kind, const struct upkeep *done, struct err *e)
{
    char value[VALUE_MAX];
    CHECK(kind < UPKEEP_KIND_COUNT);
    int n = snprintf(value, sizeof value, "%" PRId64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %.*s", done->at, done->items,
                     done->bytes, done->faults, UPKEEP_PLACE_MAX, done->place);
    CHECK(n > 0 && n < (int)sizeof value);
    return settings_put(db, span_of(names[kind]), span_make(value, (size_t)n), done->at, e);
}

/* The word before the next blank, which is taken too. */
static bool next_word(struct span *rest, struct span *word)
{
    ptrdiff_t at = span_find(*rest, ' ');
    if (at < 0) {
        return false;
    }
    *word = span_sub(*rest, 0, (size_t)at);
    *rest = span_sub(*rest, (size_t)at + 1, rest->len);
    return true;
}

static bool read_value(struct span rest, struct upkeep *out)
{
    uint64_t *const numbers[] = {&out->items, &out->bytes, &out->faults};
    struct span word;
    if (!next_word(&rest, &word) || !num_i64(word, &out->at)) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        if (!next_word(&rest, &word) || !num_u64(word, numbers[i])) {
            return false;
        }
    }
    if (rest.len > UPKEEP_PLACE_MAX) {
        return false;
    }
    if (rest.len > 0) {
        memcpy(out->place, rest.ptr, rest.len);
    }
    out->place[rest.len] = '\0';
    return true;
}

int upkeep_get(struct db *db, enum upkeep_kind kind, struct upkeep *out, struct err *e)
{
    char text[VALUE_MAX];
    struct span value;
    CHECK(kind < UPKEEP_KIND_COUNT);
    *out = (struct upkeep){.at = TIME_NONE};
    int rc = settings_get(db, span_of(names[kind]), text, sizeof text, &value, e);
    if (rc == 0 && !read_value(value, out)) {
        *out = (struct upkeep){.at = TIME_NONE};
        return err_set(e, ERR_INVALID, "the setting %s cannot be read", names[kind]);
    }
    return rc == ERR_NOT_FOUND ? 0 : rc;
}
