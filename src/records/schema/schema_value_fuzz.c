/* SPDX-License-Identifier: EUPL-1.2 */
/* Any bytes as a value, against a schema of every keyword: valid or with faults, each at a place that is there. */
#include <stdint.h>

#include "records/schema/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char text[] =
    "type: [object, array, string, number]\n"
    "$defs: {node: {properties: {next: {$ref: '#/$defs/node'}, when: {format: date-time}}, unevaluatedProperties: false}}\n"
    "properties:\n"
    "  name: {type: string, minLength: 1, maxLength: 40, pattern: '^(a+)+[^<>]*$'}\n"
    "  day: {format: date}\n"
    "  at: {format: date-time}\n"
    "  site: {format: uri}\n"
    "  mail: {format: email}\n"
    "  id: {format: uuid}\n"
    "  v4: {format: ipv4}\n"
    "  v6: {format: ipv6}\n"
    "  money: {type: number, multipleOf: 0.01, minimum: 0, exclusiveMaximum: 1000000}\n"
    "  level: {enum: [low, medium, high, 3, null, {a: [1]}]}\n"
    "  list: {type: array, uniqueItems: true, minItems: 1, maxItems: 50, prefixItems: [{const: 1}], items: {not: {type: 'null'}}}\n"
    "  node: {$ref: '#/$defs/node'}\n"
    "propertyNames: {maxLength: 20}\n"
    "dependentRequired: {day: [at]}\n"
    "minProperties: 0\n"
    "maxProperties: 40\n"
    "if: {required: [money]}\n"
    "then: {required: [level]}\n"
    "else: {anyOf: [{type: array}, {properties: {x: true}}, {oneOf: [{type: string}, {minimum: 4}]}]}\n"
    "unevaluatedProperties: {type: integer}\n"
    "items: {allOf: [{maximum: 9}, {$ref: '#'}]}\n";

static const struct schema_file *schema(void)
{
    static struct arena a;
    static struct schema_file *f;
    const struct yaml_node *root = NULL;
    if (f == NULL) {
        arena_init(&a, 0);
        MUST(yaml_read_map(&a, span_of(text), &root, NULL));
        MUST(schema_read(&a, root, &f, NULL));
    }
    return f;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena a;
    struct jcs *v = NULL;
    struct schema_result r;
    if (a.magic == 0) {
        arena_init(&a, 0);
    }
    if (jcs_read_decimals(&a, span_make((const char *)data, size), JCS_DEPTH_MAX, &v, NULL) == 0) {
        schema_check(schema(), v, &a, &r);
        CHECK(r.valid == (r.count == 0) && r.kept <= r.count && r.kept <= SCHEMA_FAULTS_MAX);
        for (uint32_t i = 0; i < r.kept; i++) {
            CHECK(r.list[i].pointer.len == 0 || r.list[i].pointer.ptr[0] == '/');
        }
    }
    arena_reset(&a);
    return 0;
}
