/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The key table: a trie of the object keys that anybody asks for, compiled once from the paths of
 * all loaded sources and the fields of all loaded rules. The JSON reader and the text decoders walk
 * it key by key; a value whose path ends at a node is found again by that node's number, so nothing
 * hashes a field name per rule.
 *
 * Nodes are numbered from 0 (the root, "the event itself"). Lookups of (parent, key) go to one hash
 * table in the compile region; the table is immutable afterwards, has no function pointers and may
 * be shared between processes.
 */
#ifndef WIRE_KEYTABLE_H
#define WIRE_KEYTABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/span.h"

typedef uint32_t key_node;
#define KEY_ROOT 0u
#define KEY_NONE UINT32_MAX /* a path nobody asks for */

enum key_flags {
    KEY_DEEP = 1, /* objects below stay at this node: "every leaf by its own name, at any depth"
                     (UserData) */
    KEY_STRIP_BLANKS =
        2, /* children's keys are looked up as they are, then again with blanks left out */
};

struct keytable;

/* Builder: heap memory, used by the compiler only. */
struct keytable_builder;
struct keytable_builder *keytable_builder_new(void);
void keytable_builder_free(struct keytable_builder **b);
/* Node for (parent, key), made if new. parent must exist. */
key_node keytable_add(struct keytable_builder *b, key_node parent, struct span key);
/*
 * Another way to a node: (parent, key) leads to it too, unless it leads somewhere already. Returns where it leads. So one
 * node holds a field however it is written: "a.b" as one key, or "b" inside "a".
 */
key_node keytable_link(struct keytable_builder *b, key_node parent, struct span key, key_node node);
/* Sets flags (or-ed) of a node. */
void keytable_flag(struct keytable_builder *b, key_node node, unsigned flags);
/* Packs into `region`; the builder may be freed afterwards. */
const struct keytable *keytable_pack(const struct keytable_builder *b, struct arena *region);

/* Number of nodes: size of per-node arrays. */
uint32_t keytable_nodes(const struct keytable *t);
/* Child of parent by key bytes (exact, case-sensitive), or KEY_NONE. Hot: a few ns. parent KEY_NONE
 * gives KEY_NONE. Below a KEY_DEEP node an object's own key that has no node keeps the DEEP node
 * (see json_read). */
key_node keytable_find(const struct keytable *t, key_node parent, struct span key);
unsigned keytable_flags(const struct keytable *t, key_node node);
/* Last key of the path, for messages. */
struct span keytable_name(const struct keytable *t, key_node node);

#endif
