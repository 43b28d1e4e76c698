/* An indicator in words. */
#include <string.h>

#include "base/limits.h"
#include "intel/set.h"

#define SAID_BYTES 100u

static const char *const kinds[INTEL_KINDS] = {[INTEL_ADDRESS] = "address",
	[INTEL_NETWORK] = "network",
	[INTEL_NAME] = "name",
	[INTEL_URL] = "url",
	[INTEL_JA3] = "ja3",
	[INTEL_JA4] = "ja4",
	[INTEL_AGENT] = "user-agent",
	[INTEL_CERT_MD5] = "certificate-md5",
	[INTEL_CERT_SHA1] = "certificate-sha1",
	[INTEL_CERT_SHA256] = "certificate-sha256",
	[INTEL_FILE_MD5] = "file-md5",
	[INTEL_FILE_SHA1] = "file-sha1",
	[INTEL_FILE_SHA256] = "file-sha256"};

const char *intel_kind_name(enum intel_kind kind)
{
	return kinds[kind];
}

const char *intel_tlp_name(enum intel_tlp tlp)
{
	static const char *const names[] = {NULL, "clear", "green", "amber", "amber+strict", "red"};
	return names[tlp];
}

const char *intel_field_name(enum intel_field field)
{
	static const char *const names[INTEL_FIELDS] = {[INTEL_SERVER] = "server",
		[INTEL_CLIENT] = "client",
		[INTEL_QUERY] = "query",
		[INTEL_ALIAS] = "alias",
		[INTEL_ANSWER] = "answer",
		[INTEL_SNI] = "name",
		[INTEL_SUBJECT] = "certificate",
		[INTEL_REQUEST] = "request",
		[INTEL_CLIENT_HELLO] = "client-hello",
		[INTEL_USER_AGENT] = "user-agent"};
	return names[field];
}

struct intel_item intel_item(const struct intel *set, uint32_t number)
{
	CHECK(number != 0 && number <= set->bytes);
	struct entry e = entry_of(set, number);
	struct origin o = origin_of(set, e.origin);
	uint32_t note = o.note != 0 ? o.note : set->category[o.category];
	return (struct intel_item){.kind = (enum intel_kind)e.kind,
		.self = e.self,
		.below = e.below,
		.port = o.port,
		.part = o.group != 0,
		.confidence = o.confidence,
		.tlp = (enum intel_tlp)o.tlp,
		.until_ns = (int64_t)e.until_s * NS_PER_S,
		.file = set->file[o.file],
		.line = e.line,
		.note = strings_get(set->notes, note)};
}

static void say_hex(struct out *o, struct span bytes)
{
	for (struct cur c = cur_of(bytes.ptr, bytes.len); c.len > 0;)
		out_printf(o, "%02x", cur_u8(&c));
}

static void say_text(struct out *o, struct span bytes)
{
	char text[KEY_BYTES_MAX + 1];
	size_t len = bytes.len < KEY_BYTES_MAX ? bytes.len : KEY_BYTES_MAX;
	if (len > 0)
		memcpy(text, bytes.ptr, len);
	text[len] = '\0';
	out_safe(o, text, len);
}

void intel_say(struct out *o, const struct intel *set, uint32_t number)
{
	CHECK(number != 0 && number <= set->bytes);
	struct entry e = entry_of(set, number);
	struct span key = entry_key(set, number);
	struct cur c = cur_of(key.ptr, key.len);
	char text[ADDR_TEXT_BYTES];
	switch ((enum intel_kind)e.kind) {
	case INTEL_ADDRESS:
	case INTEL_NETWORK: {
		struct addr a = addr_of(cur_bytes(&c, 16));
		out_text(o, addr_text(&a, text));
		unsigned bits = c.len > 0 ? cur_u8(&c) : 0;
		if (e.kind == INTEL_NETWORK)
			out_printf(o, "/%u", addr_is_v4(&a) && bits >= 96 ? bits - 96 : bits);
		return;
	}
	case INTEL_NAME:
		out_text(o, !e.self ? "*." : e.below ? "." : "");
		say_text(o, key);
		return;
	case INTEL_URL:
		cur_skip(&c, sizeof(uint64_t));
		say_text(o, cur_bytes(&c, c.len));
		say_text(o, entry_rest(set, number));
		return;
	case INTEL_JA4:
	case INTEL_AGENT:
		say_text(o, key);
		return;
	case INTEL_JA3:
	case INTEL_CERT_MD5:
	case INTEL_CERT_SHA1:
	case INTEL_CERT_SHA256:
	case INTEL_FILE_MD5:
	case INTEL_FILE_SHA1:
	case INTEL_FILE_SHA256:
		say_hex(o, key);
		return;
	case INTEL_KINDS:
		break;
	}
}

void intel_say_item(struct out *o, const struct intel *set, uint32_t number)
{
	struct intel_item item = intel_item(set, number);
	static const char *const tlps[] = {NULL, "CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED"};
	const char *tlp = tlps[item.tlp], *comma = "";
	out_printf(o, "%s ", intel_kind_name(item.kind));
	intel_say(o, set, number);
	out_text(o, " of ");
	out_safe(o, item.file->name, SAID_BYTES);
	out_printf(o, ", line %u", item.line);
	if (item.confidence < 0 && tlp == NULL && item.note == NULL)
		return;
	out_text(o, " (");
	if (item.confidence >= 0) {
		out_printf(o, "confidence %d", item.confidence);
		comma = ", ";
	}
	if (tlp != NULL) {
		out_printf(o, "%sTLP:%s", comma, tlp);
		comma = ", ";
	}
	if (item.note != NULL) {
		out_text(o, comma);
		out_safe(o, item.note, SAID_BYTES);
	}
	out_text(o, ")");
}
