/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Registers: kinds of record, each a file. A file is a JSON Schema (records/schema) of an object that says which fields a
 * record has, with annotations beside it that say what is kept and shown of it and who may do what:
 *
 *   x-table   {name, plural, title, key}      name of the kind, of its address, which field titles a record, and by which an
 *                                             import knows a record that it gives no id of (else by its title)
 *   x-states  {initial, list, transitions}    list: [{id, final}]; transitions: [{from, to, roles, reason, guard}]
 *   x-perm    {ROLE: {ops, fields}}           ops: [read, create, change, move]; fields: {NAME: hidden | read}
 *   x-tlp     {default, max}                  label of a record that states none; the strictest one that may be given
 *   x-constraints  {NAME: {HOW: …}}           what must hold over several records of one organisation at once:
 *             unique_when {fields, states, when}            no two are alike in these fields
 *             no_overlap  {fields, from, to, states, when}  of those alike in these fields no two hold at a time
 *             sum_le      {sum, within, most, states, when} of those that name one record by `within`, the sum is at most its `most`
 *             tree        {by, levels}                      by this field, which names one of the same kind, they stand below one another:
 *                                                           none below itself, at most so many levels; over all organisations of the node
 *   x-due     [{field, name, from, every, before, as, states, remind}]   days on which somebody has to do something (register_due.h)
 *   x-owner   NAME, or [LINK, TEXT]           field that says whose a record is: what is due on it is due for him
 *   x-retention  {states, from, days, also, why}       when what it says of persons goes (register_retention.h)
 *   x-computed  text, beside a field          it is worked out of other fields (register_expr.h); nobody writes it; also of fields with
 *                                             x-index, and the state, of records that a field names: system.criticality, worked out as it is read
 *   x-index   true, beside a field            lists can be filtered and sorted by it
 *   x-ref     {kind, inverse, stands_on}      beside a field: it names a record of that kind (or several, where it is a list)
 *   x-pii     {category}                      beside a field: it says something of a person, and is masked for whom may not see that
 *   x-was     name, or list of names          beside a field: what it was called before; so `was` in x-table (of the kind) and of a state
 *
 * Any other x- keyword refuses the file, and so does anything that could not be kept: a name that means something else in a
 * list, an object that is not closed, a state nobody reaches. docs/REGISTERS.md is for those who write them.
 *
 * Read once at start by keeper (which stores) and desk (which decides); a file that is refused takes no other with it.
 */
#ifndef RECORDS_REGISTERS_REGISTER_H
#define RECORDS_REGISTERS_REGISTER_H

#include "base/clock.h"
#include "policy/record.h"
#include "records/registers/register_expr.h"
#include "records/schema/schema.h"

enum {
    REGISTER_KINDS_MAX = 96,
    REGISTER_NAME_MAX = 40,         /* bytes of a name: of kind, field, state */
    REGISTER_STATES_MAX = 16,       /* of one kind */
    REGISTER_TRANSITIONS_MAX = 64,  /* of one kind */
    REGISTER_INDEXED_MAX = 16,      /* fields of one kind that lists know */
    REGISTER_TEXT_MAX = 200,        /* characters of a text that lists know: maxLength must say so */
    REGISTER_DOCUMENT_MAX = 15000,  /* bytes of a record's fields as canonical JSON: the audit trail keeps it before and after */
    REGISTER_FILE_MAX = 64 << 10,   /* bytes of one file */
    REGISTER_FILES_MAX = 64,        /* of a city's own */
    REGISTER_REFS_MAX = 256,        /* fields of all kinds that name records: a question tells which of them its reader sees */
    REGISTER_LINKS_MAX = 64,        /* records that one record names */
    REGISTER_CONSTRAINTS_MAX = 8,   /* of one kind */
    REGISTER_ALIKE_MAX = 4,         /* fields by which one tells that records are alike */
    REGISTER_WORDS_MAX = 16,        /* of a condition of one */
    REGISTER_LEVELS_MAX = 32,       /* of a tree of records */
    REGISTER_DUE_MAX = 4,           /* days of one kind on which something is due */
    REGISTER_REMIND_MAX = 6,        /* steps of one */
    REGISTER_REMIND_DAYS = 365,     /* the first of them is at most so many days before */
    REGISTER_EVERY_MAX = 120,       /* months from one time to the next */
    REGISTER_KEEP_MAX = 36600,      /* days after which what a record says of persons goes */
    REGISTER_BEFORE_MAX = 3660,     /* days before an end by which somebody must have acted */
    REGISTER_LOOKS_MAX = 8,         /* values of other records that the computed fields of one kind look at */
    REGISTER_LOOKED_MAX = 4096,     /* bytes of them in one record; where there are more, what looks at others is none */
    REGISTER_WAS_MAX = 8,           /* names that one thing had before */
};

/* What a field says of a person. */
enum register_pii { PII_NONE, PII_IDENTITY, PII_CONTACT, PII_EMPLOYMENT, PII_TRAINING, PII_ACCESS, PII_STATEMENT, PII_COUNT };

enum register_index { INDEX_NONE, INDEX_TEXT, INDEX_INTEGER, INDEX_DECIMAL /* of a computed number */ };
/* How a value stands in a cell of a table: as it is, as digits, as true or false, joined by |, or as JSON. */
enum register_cell { CELL_JSON, CELL_TEXT, CELL_NUMBER, CELL_BOOLEAN, CELL_TEXTS };

/* Names that a thing had in earlier files, none of them the name of another one now. */
struct register_was {
    uint32_t count;
    const struct span *names;
};

struct register_field {
    struct span name;
    struct register_was was;
    enum register_index index;
    enum register_cell cell;
    struct span ref;     /* kind of the records that it names; empty = it names none */
    struct span inverse; /* what that is called from the other side: a service's systems are a system's "services" */
    bool required;       /* there is no record without it */
    bool many;           /* a list of them */
    bool stands_on;      /* where what it names fails, so may this */
    const struct expr *computed; /* NULL: somebody writes it */
    struct span type;    /* of one that is computed */
    struct span source;  /* its expression, as written */
    uint64_t through;    /* bits of the fields with x-ref through which it looks at other records; 0: at its own alone */
    enum register_pii pii;
};

struct register_state {
    struct span id;
    struct register_was was;
    bool final; /* nothing leads out of it */
};

struct register_transition {
    uint32_t from, to;         /* places in states */
    uint32_t roles;            /* bits of enum policy_role */
    bool reason;               /* the move needs a reason */
    struct schema_file *guard; /* which the fields must fit, or NULL */
};

/* A value that computed fields look at in the records that a field names. */
struct register_look {
    uint32_t ref;              /* place of that field */
    struct span name;          /* of the other kind's field, or REGISTER_KEY_STATE */
    enum register_index index; /* how its key is kept */
};

enum register_how { CONSTRAINT_UNIQUE, CONSTRAINT_APART, CONSTRAINT_SUM, CONSTRAINT_TREE };

/* What must hold over several records of a kind at once; fields by their place. */
struct register_constraint {
    struct span name;
    enum register_how how;
    uint32_t alike[REGISTER_ALIKE_MAX], nalike; /* of a sum: none */
    uint32_t states;                            /* bits, by place: in which it holds */
    uint32_t when, nwords;                      /* and only where this field has one of these words; nwords 0 = always */
    const struct span *words;
    uint32_t from, to; /* no_overlap; without an end it goes on for ever */
    bool days;         /* both are days, the last one included; else times, the last one not */
    uint32_t sum, within;
    struct span most; /* field of the record that `within` names */
    uint32_t by;      /* tree */
    int64_t levels;   /* 2 to REGISTER_LEVELS_MAX */
};

/* What a day is about: something to be done by it, something that ends with it, something to be looked at again. */
enum register_about { DUE_WORK, DUE_ENDS, DUE_LOOK, REGISTER_ABOUT_COUNT };

/* A day of a record on which something is due. Fields by their place, -1 = none. */
struct register_due {
    struct span name;       /* by which lists know the day: of the field, or its own where it is counted */
    int field;              /* that holds it */
    bool moment;            /* it holds a time */
    bool counted;           /* where the field holds none: so many months after `from`, or days before it */
    bool before;
    int from, count_field;
    uint32_t count;         /* months or days; 0 = the field tells */
    enum register_about about;
    uint32_t states;        /* bits, by place: in which it counts */
    uint32_t nremind;
    uint16_t remind[REGISTER_REMIND_MAX]; /* days before, the most first */
};

/* When what a record says of persons goes; days 0 = it stays. */
struct register_retention {
    uint32_t days;
    uint32_t states; /* bits, by place: in which days are counted */
    int from;        /* field that holds the day from which; -1 = that of the last change */
    uint64_t erases; /* fields that go, by place */
    struct span why;
};

struct register_kind {
    struct span file, name, plural, heading;
    struct register_was was;
    struct span about; /* what it is for, as the file says; may be empty */
    bool on; /* a kind that is off is as if it were not there; its records stay */
    struct schema_file *schema;
    struct span document; /* the file as JSON, for the description of the interface */
    uint32_t nfields;
    struct register_field *fields; /* in the order of the file */
    uint32_t title;                /* place of the field that titles a record */
    uint32_t key;                  /* place of the field by which imports know a record */
    uint32_t nstates;
    struct register_state *states;
    uint32_t initial;
    uint32_t ntransitions;
    struct register_transition *transitions;
    uint32_t nconstraints;
    struct register_constraint *constraints;
    uint32_t ndue;
    struct register_due due[REGISTER_DUE_MAX];
    int owner_link, owner_text; /* places of the fields that say whose it is, -1 = none; the text counts where the link names nobody */
    struct register_retention retention;
    uint32_t nlooks;
    struct register_look looks[REGISTER_LOOKS_MAX]; /* known once all kinds are read */
    struct record_rights rights;
    enum tlp tlp_default, tlp_max;
};

struct register_refusal {
    struct span file;
    uint32_t line; /* 0 = not known */
    struct span why;
};

struct registers;

struct register_file {
    struct span name; /* as people know it: "registers/risk.yml" */
    struct span text;
};
/* Adds a refusal that the reader of files cannot know of. */
void registers_refuse(struct registers *r, struct span file, uint32_t line, struct span why);

/* Those that are in the program. What is in more/ is off until somebody switches it on. */
#define REGISTER_MORE SPAN("registers/more/")
extern const struct register_file register_shipped[];
extern const size_t register_shipped_count;

/* Reads the shipped files and then a city's own, each on but for those of more/; never fails, see refusals. A second kind of a name already taken is refused.
 * The texts may go afterwards. */
struct registers *registers_load(const struct register_file *own, size_t count);
/* NULL is fine. */
void registers_free(struct registers **r);

/*
 * Kinds that are on. The array is good until the next switch; what by_plural and by_name give is good as long as r is, also
 * when its kind goes off meanwhile.
 */
const struct register_kind *registers_kinds(const struct registers *r, size_t *count_out);
/* All kinds, those that are off too; good as long as r is. */
const struct register_kind *registers_all(const struct registers *r, size_t *count_out);
const struct register_refusal *registers_refusals(const struct registers *r, size_t *count_out);
/* A kind that is on, by plural, as addresses have it, or by name; NULL. */
const struct register_kind *registers_by_plural(const struct registers *r, struct span plural);
const struct register_kind *registers_by_name(const struct registers *r, struct span name);
/* Of all kinds, by name; NULL. */
const struct register_kind *registers_any(const struct registers *r, struct span name);
/* Switches a kind; a name that no kind has is passed over: its file may come back. */
void registers_switch(struct registers *r, struct span name, bool on);
/*
 * Kinds that must be on with this one, since its records cannot be without naming theirs: k first, then those, over any number of
 * kinds between; out has room for REGISTER_KINDS_MAX. Returns how many.
 */
size_t registers_needs(const struct registers *r, const struct register_kind *k, const struct register_kind **out);

/* One file alone. Everything lives in a, but for the schemas: register_kind_free. ERR_* with line and place. */
int register_kind_read(struct arena *a, const struct register_file *file, struct register_kind *out, struct err *e) NODISCARD;
void register_kind_free(struct register_kind *k);

/* Place of a field or state, or -1. */
int register_field_of(const struct register_kind *k, struct span name);
int register_state_of(const struct register_kind *k, struct span id);
/* As these, also by a name that it had before: for what was written when the file was another one. */
int register_field_ever(const struct register_kind *k, struct span name);
int register_state_ever(const struct register_kind *k, struct span id);
bool register_was_called(const struct register_was *w, struct span name);

/* ---- what lists know of a record: field or one of these, value as text that sorts as the value does ---- */

#define REGISTER_KEY_STATE SPAN("state")
#define REGISTER_KEY_TLP SPAN("tlp")
#define REGISTER_KEY_ORGANISATION SPAN("organisation")
#define REGISTER_KEY_CREATED SPAN("created")
#define REGISTER_KEY_CHANGED SPAN("changed")
#define REGISTER_KEY_DUE SPAN("due_day") /* of kinds with x-due: the first day on which something is due, as the record stands */

#define REGISTER_KEY_KEPT SPAN("kept_from") /* of kinds with x-retention: the day from which its days are counted; lists do not know it */

enum { REGISTER_KEY_TEXT = 20 /* digits of a number */, REGISTER_KEYS_MAX = REGISTER_INDEXED_MAX + 7 + REGISTER_DUE_MAX };

struct record_key {
    struct span field;
    struct span value; /* empty = the record has none */
};

/* KEY_LINK: the id of a record that the field names; lists are filtered by it, not sorted. */
enum register_key_type { KEY_NO, KEY_TEXT, KEY_INTEGER, KEY_DECIMAL, KEY_TIME, KEY_TLP, KEY_LINK };
/* Whether lists of this kind know the name, and what its values are. */
enum register_key_type register_key_type(const struct register_kind *k, struct span name);
/* A number so that texts sort as numbers do. */
struct span register_key_number(struct arena *a, int64_t n);
/* A value as a person writes it, as a key; false: it is none of that type. */
bool register_key_parse(struct arena *a, enum register_key_type type, struct span text, struct span *out);

/* Keys of a record; out has room for REGISTER_KEYS_MAX. Returns how many. */
size_t register_keys(struct arena *a, const struct register_kind *k, const struct jcs *fields, struct span organisation,
                     struct span state, enum tlp tlp, time_ns created, time_ns changed, struct record_key *out);

/* The record that a field names, and where in a list it stands. */
struct register_link {
    const struct register_field *field;
    struct span target;
    uint32_t place;
};
/* Links of a record; out has room for REGISTER_LINKS_MAX. Returns how many there are, which may be more than that. */
size_t register_links(const struct register_kind *k, const struct jcs *fields, struct register_link *out);
/* What a computed field is worth, or NULL, as is one that looks at other records; and a copy of the fields with all of those that are computed, and none that
 * somebody sent. */
struct jcs *register_computed(struct arena *a, const struct register_field *f, const struct jcs *fields);
struct jcs *register_computed_all(struct arena *a, const struct register_kind *k, const struct jcs *fields);
/*
 * As that, with those that look at other records too. looked: an object with a member for each field with x-ref through which that can be done: an
 * object with what is looked at of the record that it names, or a list of such; a computed field that looks through another one is none.
 */
struct jcs *register_computed_looking(struct arena *a, const struct register_kind *k, const struct jcs *fields, const struct jcs *looked);
/* A key as the value of which it was made, or NULL for an empty one. */
struct jcs *register_key_value(struct arena *a, enum register_index index, struct span key);
/* What a record is called: the text of its title field. */
struct span register_title(const struct register_kind *k, const struct jcs *fields);

/* All names of keys and links in one text: when it differs from what a database was filled with, keys are made anew. */
struct span register_keys_signature(struct arena *a, const struct register_kind *k);

#endif
