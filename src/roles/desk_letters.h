/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Items by mail to small members without a node. The letters stand in the records (records/fed_letter.h) until they went;
 * here is only which of them the courier has. desk_fed.c only.
 */
#ifndef ROLES_DESK_LETTERS_H
#define ROLES_DESK_LETTERS_H

#include "base/buf.h"
#include "base/vec.h"
#include "desk/federation/circles.h"
#include "desk/federation/engine.h"
#include "records/fed_letter.h"

struct desk_letters_host {
    void *arg;
    bool (*ask)(void *arg, struct span question, fed_answer *answer, void *ctx);
    /* Hands a notice (desk/notify/notify.h) to the courier; takes the buffer over. Its number, with which
     * desk_letters_result comes; 0 = not now. */
    uint64_t (*queue)(void *arg, struct buf *notice);
};

/* One of which the keeper does not know yet what became of it. */
struct desk_letter {
    char item[40], link[40]; /* ids */
    int64_t version, tries;
    uint64_t notice; /* with the courier; 0 = it has ended, and the keeper is to be told */
    enum fed_letter_end end;
    char why[FED_LETTER_WHY_MAX + 1];
};

/* Zeroed but for host and circles. */
struct desk_letters {
    const struct desk_letters_host *host;
    const struct fed_circles *circles;
    VEC(struct desk_letter) list;
    size_t telling; /* how many of those that ended the keeper is being told of */
    bool asking;
    time_ns due; /* when the keeper is asked again */
};

/* Something may be due now. */
void desk_letters_wake(struct desk_letters *l);
/* now: of the monotonic clock. Only on a hub with a mail server. */
void desk_letters_tick(struct desk_letters *l, time_ns now);
/* What became of a notice; false: it was no letter. */
bool desk_letters_result(struct desk_letters *l, uint64_t notice, bool delivered, struct span why);
void desk_letters_free(struct desk_letters *l);

#endif
