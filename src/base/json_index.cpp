/* simdjson's first stage alone: it finds the tokens, and json.c walks them. The second stages (DOM
 * and on-demand) make values that we do not need and refuse rows that we want. Built without
 * exceptions. */
#include "base/json_index.h"

#include <cerrno>
#include <memory>
#include <new>

#include <simdjson.h>

namespace
{
constexpr size_t first_capacity = 8192;
constexpr size_t depth = 1; /* for stages that are not used */
} // namespace

struct json_index {
	std::unique_ptr<simdjson::internal::dom_parser_implementation> parser;
};

int json_index_new(json_index **ret)
{
	std::unique_ptr<json_index> index(new (std::nothrow) json_index);
	if (index == nullptr ||
		simdjson::get_active_implementation()->create_dom_parser_implementation(
			first_capacity, depth, index->parser) != simdjson::SUCCESS)
		return -ENOMEM;
	*ret = index.release();
	return 0;
}

void json_index_free(json_index *index)
{
	delete index;
}

int json_index_mark(
	json_index *index, const uint8_t *text, size_t len, const uint32_t **ret, size_t *ret_count)
{
	auto &parser = *index->parser;
	if (len > parser.capacity()) {
		size_t capacity = parser.capacity();
		while (capacity < len)
			capacity *= 2;
		if (parser.set_capacity(capacity) != simdjson::SUCCESS)
			return -ENOMEM;
	}
	if (parser.stage1(text, len, simdjson::stage1_mode::regular) != simdjson::SUCCESS)
		return -EBADMSG;
	*ret = parser.structural_indexes.get();
	*ret_count = parser.n_structural_indexes;
	return 0;
}
