/* SPDX-License-Identifier: EUPL-1.2 */
/* Fuzz target of the Sigma loader: any bytes as a rule file, with one placeholder known; trees must be whole and bounded. */
#include "flow/detect/sigma.h"

#include "base/buf.h"
#include "flow/detect/sigma_explain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libfyaml 0.7 itself loses one block on some syntax errors; files are few and ours, so only the fuzzer would mind. */
const char *__lsan_default_suppressions(void)
{
    return "leak:libfyaml.so";
}

static uint32_t leaves(const struct sigma_node *n, unsigned depth)
{
    uint32_t sum = n->kind == NODE_PRED ? 1 : 0;
    CHECK(depth <= 3 * SIGMA_DEPTH_MAX);
    CHECK((n->kind == NODE_PRED) == (n->pred != NULL));
    CHECK(n->kind != NODE_NOT || n->nkids == 1);
    for (uint32_t i = 0; i < n->nkids; i++) {
        sum += leaves(n->kids[i], depth + 1);
    }
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct span values[] = {SPAN("one"), SPAN("t*o")};
    struct sigma_loader *l = sigma_loader_new();
    struct buf b;
    uint32_t nfields = 0;
    buf_init(&b, 256 * 1024);
    sigma_loader_placeholder(l, &(struct sigma_placeholder){SPAN("x"), values, 2});
    sigma_loader_file(l, SPAN("f.yml"), span_make((const char *)data, size));
    struct sigma_set *set = sigma_loader_finish(l);
    for (size_t i = 0; i < set->rules.len; i++) {
        CHECK(leaves(set->rules.data[i]->root, 0) == set->rules.data[i]->nleaves);
        CHECK(set->rules.data[i]->id.len > 0);
        sigma_explain_rule(&b, set->rules.data[i], 0);
    }
    for (size_t i = 0; i < set->correlations.len; i++) {
        const struct sigma_correlation *c = set->correlations.data[i];
        CHECK(c->nrefs > 0 && c->timespan_ns > 0);
        for (uint32_t k = 0; k < c->nrefs; k++) {
            CHECK(c->ref_index[k] < set->rules.len + i);
        }
        sigma_explain_correlation(&b, set, c);
    }
    (void)sigma_set_fields(set, &nfields);
    buf_free(&b);
    sigma_set_free(&set);
    sigma_loader_free(&l);
    return 0;
}
