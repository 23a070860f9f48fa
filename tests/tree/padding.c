/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The smallest program that gcc 12 spoils, for tools/check-padding: with -ftrivial-auto-var-init=zero the two initializers in main() that name all
 * members lose half of a pointer. The third leaves one out, so that gcc clears all of the variable before; the fourth has its copy made by itself.
 * refused: first second
 */
#include <stdint.h>

struct text {
    const char *at;
    uint64_t len;
};

struct places {
    uint64_t count;
    struct text at[5];
};

struct change {
    struct places places;
    int action; /* and four bytes of padding */
    uint64_t revision;
};

static const struct places whole = {1, {{"*", 1}}};

static int fine(const struct change *c)
{
    return c->places.at[0].at == whole.at[0].at;
}

int main(void)
{
    const struct places copy = whole;
    const struct change first = {.places = whole, .action = 1, .revision = 2};
    const struct change second = {.places = copy, .action = 1, .revision = 2};
    const struct change third = {.places = whole, .action = 1};
    struct change fourth = {.action = 1, .revision = 2};
    fourth.places = whole;
    return fine(&first) + fine(&second) + fine(&third) + fine(&fourth);
}
