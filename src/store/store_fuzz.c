/* Any bytes as a case file: refused with words, or a case whose parts fit one another. */
#include "store/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stored *s = NULL;
	struct fail why = {0};
	if (stored_of(&s, "case", cur_of(data, size), &why) < 0) {
		CHECK(why.text[0] != '\0' && s == NULL);
		return 0;
	}
	const struct store_case *c = stored_case(s);
	for (size_t i = 0; i < c->findings; i++) {
		const struct finding *f = c->finding[i];
		CHECK(f->channels > 0 && f->channels <= FINDING_CHANNELS_MAX);
		CHECK(f->kind < KIND_COUNT && f->ticks <= FINDING_TICKS_MAX);
		for (size_t k = 0; k < f->channels; k++)
			CHECK(f->channel[k].endpoint != NULL &&
				f->channel[k].failure < OUTCOME_COUNT);
		for (size_t k = 0; k < f->switches; k++)
			CHECK(f->sw[k].from < f->channels && f->sw[k].to < f->channels);
	}
	stored_close(s);
	return 0;
}
