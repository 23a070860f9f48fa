/* SPDX-License-Identifier: EUPL-1.2 */
/* simdjson behind plain C: see json_oracle.h. Tests and benchmarks only. */
#include "wire/json_oracle.h"

#include <string>

#include <simdjson.h>

#define NAME_OF_TEXT(x) #x
#define NAME_OF(x) NAME_OF_TEXT(x)

namespace {

enum { STRING, NUMBER, TRUE_WORD, FALSE_WORD, NULL_WORD }; /* as enum leaf_kind */

struct walk {
    json_oracle_visit *visit;
    void *ctx;
    std::string name;
};

void emit(walk &w, int kind, std::string_view text, double number)
{
    w.visit(w.ctx, w.name.data(), w.name.size(), kind, text.data(), text.size(), number);
}

void leaves(walk &w, simdjson::dom::element e)
{
    using simdjson::dom::element_type;
    size_t len = w.name.size();
    switch (e.type()) {
    case element_type::OBJECT:
        for (auto f : simdjson::dom::object(e)) {
            if (len > 0) {
                w.name += '.';
            }
            w.name += f.key;
            leaves(w, f.value);
            w.name.resize(len);
        }
        break;
    case element_type::ARRAY:
        for (auto x : simdjson::dom::array(e)) {
            leaves(w, x);
        }
        break;
    case element_type::STRING:
        emit(w, STRING, std::string_view(e), 0);
        break;
    case element_type::INT64:
    case element_type::UINT64:
    case element_type::DOUBLE:
        emit(w, NUMBER, {}, double(e));
        break;
    case element_type::BOOL:
        emit(w, bool(e) ? TRUE_WORD : FALSE_WORD, {}, 0);
        break;
    case element_type::NULL_VALUE:
        emit(w, NULL_WORD, {}, 0);
        break;
    }
}

size_t walk_value(simdjson::ondemand::value v)
{
    size_t n = 0;
    simdjson::ondemand::json_type type;
    simdjson::ondemand::value x;
    if (v.type().get(type) != simdjson::SUCCESS) {
        return 0;
    }
    if (type == simdjson::ondemand::json_type::object) {
        for (auto f : v.get_object()) {
            if (f.error() != simdjson::SUCCESS || f.value().get(x) != simdjson::SUCCESS) {
                return n;
            }
            n += size_t(f.key().value_unsafe().raw()[0]) + walk_value(x);
        }
    } else if (type == simdjson::ondemand::json_type::array) {
        for (auto f : v.get_array()) {
            if (f.get(x) != simdjson::SUCCESS) {
                return n;
            }
            n += walk_value(x);
        }
    } else {
        n += v.raw_json_token().size();
    }
    return n;
}

} // namespace

const char *json_oracle_leaves(const char *text, size_t len, json_oracle_visit *visit, void *ctx)
{
    static simdjson::dom::parser parser;
    simdjson::dom::element e;
    auto error = parser.parse(text, len).get(e);
    if (error != simdjson::SUCCESS) {
        return simdjson::error_message(error);
    }
    walk w = {visit, ctx, {}};
    leaves(w, e);
    return nullptr;
}

const char *json_oracle_kernel(void)
{
    static const std::string name =
        std::string(NAME_OF(SIMDJSON_BUILTIN_IMPLEMENTATION)) + ", index by " + simdjson::get_active_implementation()->name();
    return name.c_str();
}

size_t json_oracle_padding(void)
{
    return simdjson::SIMDJSON_PADDING;
}

size_t json_oracle_walk(const char *text, size_t len)
{
    static simdjson::ondemand::parser parser;
    simdjson::ondemand::document doc;
    simdjson::ondemand::value v;
    simdjson::padded_string_view view(text, len, len + simdjson::SIMDJSON_PADDING);
    if (parser.iterate(view).get(doc) != simdjson::SUCCESS || doc.get_value().get(v) != simdjson::SUCCESS) {
        return 0;
    }
    return walk_value(v);
}
