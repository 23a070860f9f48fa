/* SPDX-License-Identifier: EUPL-1.2 */
/* Answers "no correlations" so that the program links while correlate.c is being written in its own branch; goes with it. */
#include "flow/detect/correlate.h"

struct correlations { int n; };
const struct correlations *correlations_compile(const struct sigma_set *set, const struct catalog *c, struct arena *r) { (void)set;(void)c; return arena_alloc(r, sizeof(struct correlations)); }
const field_id *correlations_fields(const struct correlations *c, uint32_t rule, uint32_t *n) { (void)c;(void)rule; *n=0; return NULL; }
struct correlator *correlator_new(const struct correlations *c, size_t m, int64_t l) { (void)c;(void)m;(void)l; return NULL; }
void correlator_free(struct correlator **c) { (void)c; }
uint32_t correlator_feed(struct correlator *c, const struct correlate_input *in, const struct correlate_output **out) { (void)c;(void)in;(void)out; return 0; }
void correlator_stats(const struct correlator *c, struct correlator_stats *out) { (void)c; memset(out,0,sizeof *out); }
