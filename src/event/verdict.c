#include "base/scan.h"
#include "event/event.h"

static const struct {
	const char *word;
	enum verdict_words verdict;
} words[] = {{"drop", VERDICT_DENIED}, {"dropped", VERDICT_DENIED}, {"dropping", VERDICT_DENIED},
	{"reject", VERDICT_DENIED}, {"rejected", VERDICT_DENIED}, {"rejecting", VERDICT_DENIED},
	{"block", VERDICT_DENIED}, {"blocked", VERDICT_DENIED}, {"blocking", VERDICT_DENIED},
	{"deny", VERDICT_DENIED}, {"denied", VERDICT_DENIED}, {"denying", VERDICT_DENIED},
	{"discard", VERDICT_DENIED}, {"discarded", VERDICT_DENIED}, {"prevent", VERDICT_DENIED},
	{"prevented", VERDICT_DENIED}, {"accept", VERDICT_ALLOWED}, {"accepted", VERDICT_ALLOWED},
	{"allow", VERDICT_ALLOWED}, {"allowed", VERDICT_ALLOWED}, {"pass", VERDICT_ALLOWED},
	{"passed", VERDICT_ALLOWED}, {"permit", VERDICT_ALLOWED}, {"permitted", VERDICT_ALLOWED}};

static bool is_letter(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static enum verdict_words of_word(struct span word)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (span_is_nocase(word, words[i].word))
			return words[i].verdict;
	return VERDICT_NONE;
}

enum verdict_words verdict_of(struct span text)
{
	bool allowed = false, denied = false;
	for (size_t from = 0, at = 0; at <= text.len; at++) {
		if (at < text.len && is_letter(text.ptr[at]))
			continue;
		if (at > from) {
			enum verdict_words v = of_word((struct span){text.ptr + from, at - from});
			allowed |= v == VERDICT_ALLOWED;
			denied |= v == VERDICT_DENIED;
		}
		from = at + 1;
	}
	if (allowed == denied)
		return VERDICT_NONE;
	return denied ? VERDICT_DENIED : VERDICT_ALLOWED;
}
