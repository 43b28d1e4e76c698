/* postern nfw --read: Suricata's rules over the packets of a capture. */
#include <stdlib.h>

#include "base/limits.h"
#include "base/scan.h"
#include "cli/message.h"
#include "cli/nfw.h"
#include "ingest/ingest.h"
#include "report/emit.h"
#include "suricata/replay.h"

struct counts {           /* of one rule */
	uint64_t kind[3]; /* by enum replay_kind */
};

struct run {
	const struct nfw_replay *options;
	const struct suricata_rules *rules;
	struct replay *replay;
	struct counts *counts;
	uint64_t packets, dropped;
	struct out *text;
};

static const char *const kinds[] = {"alert", "drop", "undecided"};

static void emit_event(struct run *r, uint64_t number, const struct replay_event *event)
{
	struct emit e = {.out = r->text};
	emit_open(&e, NULL, '{');
	emit_text(&e, "type", kinds[event->kind], SIZE_MAX);
	emit_count(&e, "packet", number);
	if (event->rule != NULL)
		emit_count(&e, "sid", event->rule->sid);
	if (event->kind == REPLAY_DROP)
		emit_text(&e, "reason", event->rule == NULL ? "flow" : "rule", SIZE_MAX);
	if (event->kind == REPLAY_UNDECIDED && event->rule != NULL &&
		event->rule->unsupported != NULL)
		emit_text(&e, "unsupported", event->rule->unsupported, 256);
	emit_close(&e, '}');
	out_text(r->text, "\n");
}

static void take_packet(struct run *r, uint64_t number, const struct packet *packet)
{
	const struct replay_event *event = NULL;
	size_t events = replay_packet(r->replay, packet, &event);
	r->packets++;
	for (size_t i = 0; i < events; i++) {
		if (event[i].rule != NULL)
			r->counts[event[i].rule->number].kind[event[i].kind]++;
		r->dropped += event[i].kind == REPLAY_DROP;
		if (r->options->json)
			emit_event(r, number, &event[i]);
	}
}

static int take_all(struct run *r, struct fail *why)
{
	struct ingest *ingest = NULL;
	struct decoder *decoder = NULL;
	struct frame frame;
	struct packet packet;
	const char *path[] = {r->options->capture};
	int err = decoder_new(&decoder, FRAGMENT_BYTES_MAX);
	if (err < 0)
		(void)fail_set(why, err, "out of memory");
	else
		err = ingest_open(&ingest, path, 1, why);
	while (err == 0 && ingest_next(ingest, &frame) == 1)
		if (frame.format == NULL && decode_frame(decoder, &frame, &packet) == DECODED_OK)
			take_packet(r, frame.number, &packet);
	ingest_close(ingest);
	decoder_free(decoder);
	return err;
}

static void tell(const struct run *r)
{
	for (const struct suricata_rule *s = r->rules->first; s != NULL; s = s->next) {
		const uint64_t *n = r->counts[s->number].kind;
		if (r->options->json || n[0] + n[1] + n[2] == 0)
			continue;
		out_printf(r->text, "%u sid:%llu: %llu alerts, %llu drops, %llu undecided\n",
			s->line, (unsigned long long)s->sid, (unsigned long long)n[0],
			(unsigned long long)n[1], (unsigned long long)n[2]);
	}
	if (!r->options->json) {
		out_printf(r->text, "%llu packets, %llu dropped, %llu not followed\n",
			(unsigned long long)r->packets, (unsigned long long)r->dropped,
			(unsigned long long)replay_untracked(r->replay));
		return;
	}
	struct emit e = {.out = r->text};
	emit_open(&e, NULL, '{');
	emit_text(&e, "type", "summary", SIZE_MAX);
	emit_count(&e, "packets", r->packets);
	emit_count(&e, "dropped", r->dropped);
	emit_count(&e, "not_followed", replay_untracked(r->replay));
	emit_close(&e, '}');
	out_text(r->text, "\n");
}

/* "pass,drop,reject,alert": each once. */
static bool read_order(const char *words, uint8_t rank[static 4])
{
	struct span rest = span_of(words), word;
	unsigned seen = 0;
	for (uint8_t place = 0; span_next(&rest, ',', &word); place++) {
		unsigned action = SURICATA_ALERT;
		while (action <= SURICATA_REJECT &&
			!span_is(span_trim(word),
				suricata_action_name((enum suricata_action)action)))
			action++;
		if (action > SURICATA_REJECT || (seen & 1u << action) != 0)
			return false;
		seen |= 1u << action;
		rank[action] = place;
	}
	return seen == 15;
}

enum exit_code nfw_replay(const struct nfw *n, const struct nfw_replay *options, struct out *text)
{
	struct run r = {.options = options, .text = text};
	struct replay_options how = {.ips = options->ips, .strict = options->strict};
	struct fail why = {0};
	r.rules = how.rules = nfw_rules(n, &how.scope);
	if (r.rules == NULL) {
		message("nfw: --read wants one file of Suricata's rules");
		return EXIT_USAGE;
	}
	if (!read_order(
		    options->order == NULL ? "pass,drop,reject,alert" : options->order, how.rank)) {
		message("nfw: --action-order %s: write pass,drop,reject,alert, each once",
			quoted(options->order).text);
		return EXIT_USAGE;
	}
	r.counts = calloc(r.rules->count + 1, sizeof *r.counts);
	enum exit_code code = EXIT_NOTHING;
	if (r.counts == NULL || replay_new(&r.replay, &how) < 0) {
		message("out of memory");
	} else if (take_all(&r, &why) < 0) {
		message("%s", why.text);
	} else if (r.packets == 0) {
		message("%s: no packet was read", shown(options->capture).text);
	} else {
		tell(&r);
		code = EXIT_DONE;
	}
	replay_free(r.replay);
	free(r.counts);
	return code;
}
