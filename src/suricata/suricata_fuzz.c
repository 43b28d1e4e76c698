/* Rules of any bytes: each is read, or told with its place; those that are read answer for any
 * packet, twice the same. */
#include "suricata/suricata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct suricata_rules *rules, const struct suricata_packet *packet)
{
	for (const struct suricata_rule *r = rules->first; r != NULL; r = r->next) {
		struct out words = {0};
		enum suricata_tri first = suricata_match(r, NULL, packet, NULL);
		CHECK(first == suricata_match(r, NULL, packet, NULL));
		suricata_say_doubt(&words, r, NULL, packet);
		CHECK(words.len > 0);
		out_fini(&words);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char name[] = "www.example.com";
	struct suricata_rules *rules = NULL;
	struct fail why = {0};
	if (size > 8192) /* longer ones are no different, and slower */
		return 0;
	if (suricata_read(&rules, cur_of(data, size), &why) < 0) {
		CHECK(why.text[0] != '\0');
		return 0;
	}
	for (const struct suricata_fault *f = rules->fault; f != NULL; f = f->next)
		CHECK(f->line > 0 && f->column > 0 && f->text[0] != '\0');
	struct suricata_packet p = {.src = addr_v4(0x0a000005),
		.dst = addr_v4(0xcb007109),
		.ports_known = true,
		.proto = 6,
		.src_port = 40000,
		.dst_port = 443,
		.to_server = true,
		.once = true,
		.message = true,
		.payload = 100,
		.app_state = APP_KNOWN,
		.app = "tls"};
	for (unsigned i = 0; i < BUFFER_COUNT; i++)
		p.buffer[i] = (struct suricata_bytes){.there = true,
			.bytes = {(const uint8_t *)name, sizeof name - 1},
			.wild = i % 3 == 0,
			.open = i % 2 == 0};
	ask(rules, &p);
	p = (struct suricata_packet){.dst = addr_v4(0xcb007109),
		.src_home = true,
		.proto = 17,
		.app_wild = true,
		.to_server = true,
		.once = true};
	ask(rules, &p);
	suricata_free(rules);
	return 0;
}
