/* SPDX-License-Identifier: EUPL-1.2 */
/* Labels from anybody: whatever comes, a label is one that we know, or it is unknown and denies. */
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "policy/label.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(struct span text, struct label l)
{
    CHECK(l.what <= LABEL_CHR);
    CHECK((l.what == LABEL_TLP && !l.unknown) == (tlp_rank(l.tlp) <= tlp_rank(TLP_RED)));
    CHECK((l.what == LABEL_PAP && !l.unknown) == (l.pap != PAP_UNKNOWN));
    CHECK(l.what != LABEL_NOTHING || !l.unknown);
    CHECK(l.original.len <= text.len);
    /* What is read as wider than RED names itself so, or is one of the known ids: no other word
     * comes near it. */
    if (l.what == LABEL_TLP && !l.unknown && !l.legacy) {
        struct label again = policy_label_parse(span_of(tlp_name(l.tlp)));
        CHECK(again.tlp == l.tlp && !again.unknown);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_make((const char *)data, size);
    struct label field = policy_label_parse(text);
    struct label tag = policy_tag_parse(text);
    look(text, field);
    look(text, tag);
    /* A tag that is a label is the same label in a field. */
    CHECK(tag.what == LABEL_NOTHING ||
          (tag.what == field.what && tag.tlp == field.tlp && tag.pap == field.pap));
    return 0;
}
