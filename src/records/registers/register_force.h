/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Files in force: for each kind the text of the file by which its records were written last. A file that is another one at the next start is
 * taken if all records fit it, in one transaction with what it makes of them; else the former stays in force, and the new one is refused
 * until somebody said that it is meant (register_consent_put). What things were called before stays known, so that the trail can be read.
 * Runs in the keeper; `sereno registers diff` only looks.
 */
#ifndef RECORDS_REGISTERS_REGISTER_FORCE_H
#define RECORDS_REGISTERS_REGISTER_FORCE_H

#include "records/registers/register_plan.h"

enum {
    REGISTER_RENAMES_MAX = 512, /* of one kind that are looked at */
    REGISTER_NAMES_MAX = 8,     /* names of one kind */
};

/* A kind with a file in force, and what lies there now. */
struct register_stored {
    struct span kind, file, text; /* in force */
    struct span meant, who, why;  /* of which text somebody said that it is meant; empty: of none */
    bool is_meant;                /* and that is the text that lies there now */
    bool gone;                    /* it was taken away */
    bool there;                   /* something below differs from what is in force */
    bool taken;                   /* and comes into force */
    bool kept;                    /* the text in force was put in place of what lies there */
    struct span now_file, now;    /* what lies there; text empty: nothing */
    struct span why_not;          /* why that is not taken, a sentence */
    struct register_kind before, after; /* read from both texts; without a schema: not read */
    struct span planned;                /* the text that is planned for */
    struct register_plan *plan;         /* NULL: not asked for, or the former text cannot be read any more */
};

/* What files make of a node. */
struct register_choice {
    struct registers *kinds; /* with the files that are in force now */
    size_t nfiles;
    struct register_file *files; /* of the city's own */
    size_t nstored;
    struct register_stored *stored;
};

extern const char register_force_sql[]; /* its tables, for migrations.c */

/*
 * Which files come into force of a city's own (all of them, as they lie there), and what that does to records. Only reads. out->kinds is
 * freed by register_choice_free, which is fine after a failure too.
 */
int register_choose(struct db *db, struct arena *a, const struct register_file *own, size_t count, struct register_choice *out, struct err *e) NODISCARD;
void register_choice_free(struct register_choice *c);
/* All kinds whose files are not those in force, as {"items": [{"kind", "file", "taken", "why", …}]}: see register_plan_put. */
void register_choice_put(const struct register_choice *c, struct json_writer *j);
/* Does what was chosen: records, names and files in one transaction. Keys are made anew afterwards (record_keys_renew). */
int register_force(struct db *db, const struct register_choice *c, time_ns now, struct err *e) NODISCARD;

/* Somebody means the files as they lie there now, whatever does not fit: noted by kind and text, and in the audit trail. kinds_out: names of
 * those that wait for it, room for REGISTER_KINDS_MAX; none where all fit. */
struct register_consent {
    struct span organisation, who, why;
    time_ns at;
};
int register_consent_put(struct db *db, const struct register_choice *c, const struct register_consent *by, struct span *kinds_out, size_t *count_out,
                         struct err *e) NODISCARD;

/* Something of a kind that was called otherwise before the line `seq` of the audit trail. */
struct register_rename {
    int64_t seq;
    char what; /* 'f' a field, 's' a state, 'k' the kind */
    struct span was, name;
};
/* In the order in which they happened; out has room for REGISTER_RENAMES_MAX. */
int register_renames_read(struct db *db, struct arena *a, struct span kind, struct register_rename *out, size_t *count_out, struct err *e) NODISCARD;
/* When records of a kind were last rewritten by a file; 0 = never. */
int register_rewritten(struct db *db, struct span kind, time_ns *out, struct err *e) NODISCARD;

#endif
