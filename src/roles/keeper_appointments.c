/* SPDX-License-Identifier: EUPL-1.2 */
/* Appointments in the keeper: see keeper_appointments.h. */
#include "roles/keeper_appointments.h"

#include "records/appointment_gaps.h"
#include "records/own_appointments.h"
#include "roles/keeper_records_priv.h"

static int whole(const struct cursor *c, struct err *e)
{
    return cursor_done(c) ? 0 : err_set(e, ERR_INVALID, "the question is broken");
}

int keeper_seats_read(struct keeper_records *kr, struct span user_id, struct err *e)
{
    return appointment_seats(kr->db, user_id, clock_now(), &kr->scratch, kr->seats, &kr->nseats, &kr->linked, e);
}

void keeper_seats_encode(struct keeper_records *kr)
{
    buf_u8(&kr->out, kr->linked);
    buf_u32(&kr->out, kr->nseats);
    for (uint32_t i = 0; i < kr->nseats; i++) {
        appointment_seat_encode(&kr->out, &kr->seats[i]);
    }
}

static int set_person(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct account_person p = {.organisation = cursor_str(c)};
    p.user_id = cursor_str(c);
    p.person = cursor_str(c);
    p.who = cursor_str(c);
    p.why = cursor_str(c);
    int rc = p.organisation.len == 0 ? err_set(e, ERR_INVALID, "no organisation") : whole(c, e);
    rc = rc == 0 ? account_person_set(kr->db, &p, clock_now(), e) : rc;
    answer_begin(&kr->out, rc, e);
    return rc;
}

static int list_gaps(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct gap_query q;
    struct gap_list *found = arena_calloc(&kr->scratch, 1, sizeof *found);
    gap_query_decode(c, &q);
    int rc = whole(c, e);
    rc = rc == 0 ? appointment_gaps(kr->db, &q, &kr->scratch, found, e) : rc;
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        buf_u8(&kr->out, found->more);
        buf_u32(&kr->out, found->count);
        for (uint32_t i = 0; i < found->count; i++) {
            gap_encode(&kr->out, &found->gaps[i]);
        }
    }
    return rc;
}

static int list_own(struct keeper_records *kr, struct cursor *c, struct err *e)
{
    struct own_appointments *found = arena_calloc(&kr->scratch, 1, sizeof *found);
    struct span user_id = cursor_str(c);
    int rc = whole(c, e);
    rc = rc == 0 ? own_appointments(kr->db, user_id, clock_now(), &kr->scratch, found, e) : rc;
    answer_begin(&kr->out, rc, e);
    if (rc == 0) {
        own_appointments_encode(&kr->out, found);
    }
    return rc;
}

keeper_answer_fn *keeper_appointment_answer(uint16_t ask)
{
    static const struct {
        uint16_t ask;
        keeper_answer_fn *answer;
    } answers[] = {{ASK_ACCOUNT_PERSON, set_person}, {ASK_APPOINTMENT_GAPS, list_gaps}, {ASK_OWN_APPOINTMENTS, list_own}};
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        if (answers[i].ask == ask) {
            return answers[i].answer;
        }
    }
    return NULL;
}
