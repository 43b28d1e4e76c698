/* postern baseline: the verb's rows, and which options go with which of its words. */
#include "cli/baseline.h"

#include <string.h>

#include "cli/file.h"
#include "cli/message.h"
#include "cli/versions.h"
#include "report/emit.h"

#define MEMORY_LEAST ((double)(64u << 20))
#define MEMORY_MOST  ((double)((size_t)1 << 44))
#define TEXT_BYTES   4096u

#define AT(field) offsetof(struct baseline_settings, field)

static const struct option options[] = {
	{"output", 'o', OPTION_TEXT, "FILE", AT(output),
		.help = "learn: write the baseline to FILE instead of standard output"},
	{"update", 0, OPTION_TEXT, "FILE", AT(update),
		.help = "learn: add to the baseline in FILE, or begin it; days that it has are "
			"counted once"},
	{"keep", 0, OPTION_NUMBER, "N", AT(keep), .min = -1, .max = VERSIONS_MAX,
		.help = "learn --update: keep the N versions before as FILE.1 (the latest) to "
			"FILE.N; without it none"},
	{"held", 0, OPTION_TEXT, "FILE", AT(held),
		.help = "learn: write what is held back to FILE, in the same form; with --update "
			"what stood there adds up"},
	{"include", 0, OPTION_TEXTS, "ENDPOINT", AT(include),
		.help = "learn: take ENDPOINT in (a registered domain or an address) whatever "
			"holds it back; may be given again"},
	{"zone", 0, OPTION_TEXTS, "NAME[=CIDR,...]", AT(zone),
		.help = "learn: hosts of these networks are zone NAME; may be given again. show: "
			"only zone NAME"},
	{"min-days", 0, OPTION_NUMBER, "N", AT(min_days), .min = 0, .max = 1e6, .fallback = "2",
		.help = "learn: hold back what is seen on fewer days"},
	{"min-hosts", 0, OPTION_NUMBER, "N", AT(min_hosts), .min = 0, .max = 1e6, .fallback = "1",
		.help = "learn: hold back what fewer hosts of a zone reach"},
	{"shared", 0, OPTION_NUMBER, "N", AT(shared), .min = 0, .max = 1e6, .fallback = "3",
		.help = "learn: what N hosts of a zone reach is one line for the zone"},
	{"max-e", 0, OPTION_NUMBER, "X", AT(max_e), .min = 0, .max = BASELINE_E_MAX,
		.fallback = "1",
		.help = "learn: hold back what findings touch of which an innocent host would show "
			"X a day or fewer"},
	{"local", 0, OPTION_NETWORKS, "CIDR,...", AT(local),
		.help = "learn: networks of your own hosts; without it those of the zones, or "
			"private, CGNAT, ULA and link-local addresses"},
	{"since", 0, OPTION_TIME, "TIME", AT(since_ns),
		.help = "learn: leave out what began before TIME (RFC 3339)"},
	{"until", 0, OPTION_TIME, "TIME", AT(until_ns),
		.help = "learn: leave out what began at TIME or after it"},
	{"limit-memory", 0, OPTION_SIZE, "SIZE", AT(memory_bytes), .min = MEMORY_LEAST,
		.max = MEMORY_MOST, .help = "learn: scale the tables to SIZE (such as 512M)"},
	{"host", 0, OPTION_TEXT, "ADDR", AT(host),
		.help = "show: only what this host may reach, itself or as one of its zone"},
	{"version", 0, OPTION_NUMBER, "K", AT(version), .min = 0, .max = VERSIONS_MAX,
		.fallback = "1", .help = "restore: bring back FILE.K"},
	{"factor", 0, OPTION_NUMBER, "X", AT(factor), .min = 1, .max = 1e6, .fallback = "2",
		.help = "diff: days or volume that are X times as much have grown"},
	{"exit-code", 0, OPTION_FLAG, NULL, AT(exit_code),
		.help = "diff: exit with 1 when there is a difference"},
	{"json", 0, OPTION_FLAG, NULL, AT(json), .help = "print JSON Lines"},
	{"quiet", 'q', OPTION_FLAG, NULL, AT(quiet),
		.help = "no progress bar, no remarks; errors are still told"},
	{"verbose", 'v', OPTION_FLAG, NULL, AT(verbose),
		.help = "learn: tell about each input, and all that is held back"},
};

static const struct word {
	const char *name;
	enum exit_code (*run)(const struct call *call);
	size_t words_min, words_max;
	const char *words; /* what is to follow */
	const char *options[16];
} words[] = {
	{"learn", baseline_learn, 1, SIZE_MAX, "captures, logs or folders, or -",
		{"output", "update", "keep", "held", "include", "zone", "min-days", "min-hosts",
			"shared", "max-e", "local", "since", "until", "limit-memory", "json"}},
	{"show", baseline_show, 1, 1, "one baseline", {"host", "zone", "json"}},
	{"diff", baseline_difference, 2, 2, "two baselines, the older first",
		{"factor", "exit-code", "json"}},
	{"restore", baseline_restore, 1, 1, "one baseline", {"version"}},
};

/* ---- what all words share ---- */

int baseline_load(const char *path, struct baseline **ret, struct fail *why)
{
	struct cur text = {0};
	char *owned = NULL;
	int err = file_read(path, BASELINE_BYTES_MAX, &owned, &text, why);
	if (err == 0)
		err = baseline_read(ret, shown(path).text, text, why);
	free(owned);
	return err;
}

static void emit_day(struct emit *e, const char *key, int32_t day)
{
	struct out text = {0};
	baseline_write_day(&text, day);
	emit_text(e, key, out_string(&text), TEXT_BYTES);
	out_fini(&text);
}

static void emit_entry(struct emit *e, const struct baseline_entry *entry)
{
	char host[ADDR_TEXT_BYTES];
	struct out why = {0};
	baseline_write_why(&why, entry);
	emit_text(e, "zone", entry->zone, TEXT_BYTES);
	emit_text(e, "host", addr_is_none(&entry->host) ? NULL : addr_text(&entry->host, host),
		TEXT_BYTES);
	emit_text(e, "endpoint", entry->endpoint, TEXT_BYTES);
	emit_text(e, "service", entry->service, TEXT_BYTES);
	emit_text(e, "transport", transport_name(entry->transport), TEXT_BYTES);
	emit_count(e, "port", entry->port);
	emit_day(e, "first", entry->first_day);
	emit_day(e, "last", entry->last_day);
	emit_count(e, "days", entry->days);
	emit_count(e, "hosts", entry->hosts);
	emit_count(e, "bytes_out_a_day", entry->sent);
	emit_count(e, "bytes_in_a_day", entry->got);
	emit_text(e, "why", out_string(&why), TEXT_BYTES);
	emit_text(e, "note", entry->note, TEXT_BYTES);
	out_fini(&why);
}

void baseline_json(struct out *o, const struct baseline_entry *entry)
{
	struct emit e = {.out = o};
	emit_open(&e, NULL, '{');
	emit_text(&e, "type", baseline_is_held(entry->why) ? "held" : "entry", TEXT_BYTES);
	emit_entry(&e, entry);
	emit_close(&e, '}');
	out_text(o, "\n");
}

/* ---- the verb ---- */

/* An option that was given and is another word's; NULL: none. */
static const char *foreign_option(const struct call *call, const struct word *word)
{
	static const char *const all[] = {"quiet", "verbose"};
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		const char *name = options[i].name;
		bool known = !call_given(call, name);
		for (size_t k = 0; k < ARRAY_LEN(all) && !known; k++)
			known = strcmp(name, all[k]) == 0;
		for (size_t k = 0; k < ARRAY_LEN(word->options) && !known; k++)
			known = word->options[k] != NULL && strcmp(name, word->options[k]) == 0;
		if (!known)
			return name;
	}
	return NULL;
}

static const struct word *word_of(const struct call *call)
{
	const char *names[ARRAY_LEN(words)];
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		names[i] = words[i].name;
		if (call->words > 0 && strcmp(call->word[0], words[i].name) == 0)
			return &words[i];
	}
	if (call->words == 0) {
		message("baseline: say what to do: " BASELINE_WORDS " (postern help baseline)");
		return NULL;
	}
	const char *meant = nearest(call->word[0], names, ARRAY_LEN(names));
	message("baseline: %s is none of " BASELINE_WORDS "%s%s%s", quoted(call->word[0]).text,
		meant == NULL ? "" : "; did you mean ", meant == NULL ? "" : meant,
		meant == NULL ? "" : "?");
	return NULL;
}

static enum exit_code baseline_run(const struct call *call)
{
	const struct word *word = word_of(call);
	if (word == NULL)
		return EXIT_USAGE;
	const char *foreign = foreign_option(call, word);
	if (foreign != NULL) {
		message("baseline %s: takes no --%s (postern help baseline)", word->name, foreign);
		return EXIT_USAGE;
	}
	struct call rest = *call;
	rest.word++;
	rest.words--;
	if (rest.words < word->words_min || rest.words > word->words_max) {
		message("baseline %s: name %s", word->name, word->words);
		return EXIT_USAGE;
	}
	return word->run(&rest);
}

static const char *const text[] = {
	"Keeps what each zone and each host of it normally reaches as a text file, for people to "
	"review, to note why things are there, and to keep in version control.",
	"learn reads what hunt reads, and hunts in it: nothing that an unexplained finding touches "
	"is "
	"taken in, nor what is seen on too few days or of too few hosts, nor what never answered. "
	"What is held back is listed with its reason; --include takes it in by name, and the file "
	"says so. With --update and --held, days add up over windows that are learned one by one.",
	"show prints a baseline, or what one host may reach by it.",
	"diff names what is in the second baseline and not in the first, what grew, and what is "
	"gone, the rarest first: what is new to all zones, then to one, then by port; of those, "
	"what "
	"the fewest hosts reach on the fewest days.",
	"restore brings back a version that learn --keep kept; what it replaces becomes the latest "
	"version kept.",
	"The form of the file is told in docs/BASELINE.md.",
	NULL,
};

static const struct example examples[] = {
	{"postern baseline learn -o office.baseline /var/captures", "Begin a baseline:"},
	{"postern baseline learn --update office.baseline --held office.held --keep 14 today.pcap",
		"Every night, with what may become normal kept beside it:"},
	{"postern baseline learn --zone 'office=10.1.0.0/16' --zone 'lab=10.2.0.0/16' -o "
	 "site.baseline "
	 "/opt/zeek/logs",
		"By zones:"},
	{"postern baseline show office.baseline --host 10.1.0.5", "What a host may reach:"},
	{"postern baseline diff office.baseline.1 office.baseline", "What came since:"},
	{"postern baseline restore office.baseline --version 2",
		"Back to the version before the last:"},
};

const struct verb verb_baseline = {
	.name = "baseline",
	.words = BASELINE_WORDS " FILE...",
	.summary = "what each zone and host normally reaches: learn it, review it, compare it",
	.text = text,
	.option = options,
	.options = ARRAY_LEN(options),
	.settings_bytes = sizeof(struct baseline_settings),
	.example = examples,
	.examples = ARRAY_LEN(examples),
	.run = baseline_run,
};
