/* postern guard: a watch that acts. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/limits.h"
#include "base/scan.h"
#include "cli/guard_ask.h"
#include "cli/guarding.h"
#include "cli/message.h"
#include "guard/privileges.h"

#define ENFORCER_NAME "postern-enforcer"

struct guard {
	struct watch watch;
	const char *policy, *baseline, *respond, *on_exit, *trail, *enforcer, *control, *seed,
		*user, *metrics, *cases;
	const char *rpz, *rpz_reload;
	struct networks never;
	double cases_days, act_e, hold_s, strangers, slot_s, expiry_s, max_blocked, max_hosts,
		max_changes, popular;
	bool enforce, block_known, exposed;
};

struct children { /* NULL: not needed */
	struct guard_spawner *spawner;
	struct reload *reload;
};

#define AT(field) offsetof(struct guard, field)
#define OF(field) offsetof(struct guard, watch.field)

static const struct option options[] = {
	{"interface", 'i', OPTION_TEXT, "IFACE", OF(iface),
		.help = "guard the hosts whose packets pass this interface"},
	{"filter", 'f', OPTION_TEXT, "BPF", OF(filter),
		.help = "of the interface, only packets that pass this filter (pcap-filter(7))"},
	{"policy", 0, OPTION_TEXT, "FILE", AT(policy),
		.help = "the egress policy: what a contained host may reach, and its never-block"},
	{"baseline", 0, OPTION_TEXT, "FILE", AT(baseline),
		.help = "what the reviewed baseline names for a host (postern baseline) is "
			"expected of it, and stays open to it when it is contained"},
	{"respond", 0, OPTION_TEXT, "HOW", AT(respond), .fallback = "block",
		.help = "alert: tell only; block: the fallback channels of a finding, for its "
			"host; "
			"contain: and its host reaches only what the policy and the baseline "
			"name; probe: by experiment"},
	{"enforce", 0, OPTION_FLAG, NULL, AT(enforce),
		.help = "act; without it a dry run says what would be done"},
	{"act-e", 0, OPTION_NUMBER, "X", AT(act_e), .min = 0, .max = 1e6, .fallback = "0.01",
		.help = "act on findings of which an innocent host would show X a day or fewer; "
			"probe: without it 1"},
	{"hold", 0, OPTION_NUMBER, "SEC", AT(hold_s), .min = -1, .max = GUARD_EXPIRY_MAX_S,
		.fallback = "600",
		.help = "with a policy or a baseline: answer a switch at its first packet, for "
			"SEC, before there is a finding: a channel in use fails, and one begins "
			"that neither of them names; 0: wait for findings"},
	{"strangers", 0, OPTION_NUMBER, "N", AT(strangers), .min = -1, .max = 16, .fallback = "0",
		.help = "a host may use N channels within an hour that nobody has named; what is "
			"more is answered as a switch; 0: any number"},
	{"slot", 0, OPTION_NUMBER, "SEC", AT(slot_s), .min = 1, .max = 86400, .fallback = "120",
		.help = "probe: a block or a sham lasts at least so long"},
	{"seed", 0, OPTION_TEXT, "HEX", AT(seed),
		.help = "probe: of the coin that says which is a block, up to 32 digits, secret; "
			"without it a random one, told in the trail"},
	{"never-block", 0, OPTION_NETWORKS, "ADDR,...", AT(never),
		.help = "never block these, nor what they do; gateways, resolvers and this "
			"machine's "
			"own addresses need not be named"},
	{"popular", 0, OPTION_NUMBER, "N", AT(popular), .min = 0, .max = CROWD_HOSTS,
		.fallback = "8", .help = "leave alone what more than N hosts reach"},
	{"expiry", 0, OPTION_NUMBER, "SEC", AT(expiry_s), .min = 0, .max = GUARD_EXPIRY_MAX_S,
		.fallback = "3600", .help = "every change ends after this time"},
	{"max-blocked", 0, OPTION_NUMBER, "N", AT(max_blocked), .min = 0, .max = GUARD_CHANNELS_MAX,
		.fallback = "256", .help = "channels that are blocked at once"},
	{"max-hosts", 0, OPTION_NUMBER, "N", AT(max_hosts), .min = 0, .max = GUARD_HOSTS_MAX,
		.fallback = "16", .help = "hosts that are contained at once"},
	{"max-changes", 0, OPTION_NUMBER, "N", AT(max_changes), .min = 0,
		.max = GUARD_CHANGES_MAX / 2.0, .fallback = "60", .help = "changes in a minute"},
	{"on-exit", 0, OPTION_TEXT, "HOW", AT(on_exit), .fallback = "open",
		.help = "open: when the guard ends, whatever ended it, its blocks end; closed: "
			"they "
			"stay until their time is over"},
	{"intel", 0, OPTION_TEXTS, "FILE", OF(intel),
		.help = "tell at once of what the list FILE knows to be bad (as hunt --intel); it "
			"is read again when it changes; may be given for several files"},
	{"block-known", 0, OPTION_FLAG, NULL, AT(block_known),
		.help = "block addresses, networks and names of --intel for the host that goes "
			"there, without waiting for a finding"},
	{"rpz", 0, OPTION_TEXT, "FILE", AT(rpz),
		.help = "block names too, where packets can't be: keep a response policy zone of "
			"them in FILE"},
	{"rpz-reload", 0, OPTION_TEXT, "COMMAND", AT(rpz_reload),
		.help = "what has the resolver read the zone again, such as 'unbound-control "
			"auth_zone_reload guard.rpz': a program and its words, no shell"},
	{"trail", 0, OPTION_TEXT, "FILE", AT(trail),
		.help = "append every change to FILE before it is made, and go on with what is in "
			"force there"},
	{"enforcer", 0, OPTION_TEXT, "PROGRAM", AT(enforcer),
		.help = "where " ENFORCER_NAME
			" is; without it beside postern, or where it was installed"},
	{"control", 0, OPTION_TEXT, "PATH", AT(control),
		.help = "a socket at PATH, for root and the guard's user: status, undo and explain "
			"ask there"},
	{"cases", 0, OPTION_TEXT, "FILE", AT(cases),
		.help = "keep all that is told in FILE (SQLite), before it is told; explain HOST "
			"reads it, also when no guard runs"},
	{"cases-days", 0, OPTION_NUMBER, "N", AT(cases_days), .min = -1, .max = 36500,
		.fallback = "90",
		.help = "what is older goes from --cases; 0: nothing for its age"},
	{"metrics", 0, OPTION_TEXT, "ADDR:PORT", AT(metrics),
		.help = "answer HTTP at a port of loopback: /metrics (Prometheus) and /health"},
	{"metrics-exposed", 0, OPTION_FLAG, NULL, AT(exposed),
		.help = "let --metrics listen at any address: whoever reaches it may read"},
	{"user", 0, OPTION_TEXT, "NAME", AT(user),
		.help = "started by root, read packets and write files as NAME; without it as "
			"root, "
			"with no capability left"},
	{"state", 0, OPTION_TEXT, "FILE", OF(state),
		.help = "remember beside FILE what hosts did, so that a restart goes on with it"},
	ALERT_OPTIONS(OF(alert)),
	{"json", 0, OPTION_FLAG, NULL, OF(json), .help = "print JSON Lines: findings and changes"},
	{"max-e", 0, OPTION_NUMBER, "X", OF(max_e), .min = 0, .max = 1e6, .fallback = "0.1",
		.help = "tell findings of which an innocent host would show X a day or fewer"},
	{"local", 0, OPTION_NETWORKS, "CIDR,...", OF(local),
		.help = "networks of your own hosts; without it private, CGNAT, ULA and link-local "
			"addresses"},
	{"limit-memory", 0, OPTION_SIZE, "SIZE", OF(memory_bytes), .min = (double)(64u << 20),
		.max = (double)((size_t)1 << 44),
		.help = "scale the tables to SIZE (such as 512M)"},
	{"quiet", 'q', OPTION_FLAG, NULL, OF(quiet), .help = "no remarks; errors are still told"},
	{"verbose", 'v', OPTION_FLAG, NULL, OF(verbose),
		.help = "tell every minute what was taken and lost"},
};

/* False: it is none. ret: NULL, or gets it. */
static bool read_seed(const char *text, struct hash_key *ret)
{
	struct hash_key key = {0};
	size_t len = strlen(text);
	for (size_t i = 0; i < len; i++) {
		unsigned digit = scan_hex((uint8_t)text[i]);
		if (digit > 15)
			return false;
		key.k0 = key.k0 << 4 | key.k1 >> 60;
		key.k1 = key.k1 << 4 | digit;
	}
	if (ret != NULL)
		*ret = key;
	return len >= 1 && len <= 32;
}

static const char *complaint(const struct call *call, const struct guard *g)
{
	if (call->words > 0)
		return "it reads an interface (-i) and nothing else: watch follows logs; a running "
		       "guard is asked by status, undo ID or explain HOST";
	if (g->watch.iface == NULL)
		return "name the interface to guard: -i IFACE";
	if (strcmp(g->respond, "alert") != 0 && strcmp(g->respond, "block") != 0 &&
		strcmp(g->respond, "contain") != 0 && strcmp(g->respond, "probe") != 0)
		return "--respond: choose alert, block, contain or probe";
	if (strcmp(g->on_exit, "open") != 0 && strcmp(g->on_exit, "closed") != 0)
		return "--on-exit: choose open or closed";
	if ((strcmp(g->respond, "contain") == 0 || strcmp(g->respond, "probe") == 0) &&
		g->policy == NULL && g->baseline == NULL)
		return "--respond contain and probe need a policy (--policy FILE) or a baseline "
		       "(--baseline FILE): without one a contained host would reach nothing at "
		       "all";
	if (g->strangers > 0 && ((g->policy == NULL && g->baseline == NULL) || g->hold_s < 1))
		return "--strangers needs a policy or a baseline, which name what is none, and "
		       "--hold of a second or more";
	if (strcmp(g->respond, "probe") == 0 && g->max_hosts < 1)
		return "--respond probe needs --max-hosts of 1 or more";
	if (g->seed != NULL && !read_seed(g->seed, NULL))
		return "--seed takes 1 to 32 hexadecimal digits";
	if (g->block_known && g->watch.intel.count == 0)
		return "--block-known needs lists (--intel FILE)";
	if (g->block_known && strcmp(g->respond, "alert") == 0)
		return "--respond alert changes nothing: leave out --block-known";
	if ((g->rpz == NULL) != (g->rpz_reload == NULL))
		return "--rpz FILE and --rpz-reload COMMAND go together";
	if (g->enforce && g->trail == NULL)
		return "--enforce needs a trail (--trail FILE): what is changed must be known "
		       "afterwards";
	return NULL;
}

static bool acts(const struct guard *g)
{
	return g->enforce && strcmp(g->respond, "alert") != 0;
}

static enum guard_response response_of(const char *name)
{
	enum guard_response response = RESPOND_ALERT;
	while (strcmp(guard_response_name(response), name) != 0)
		response++;
	return response;
}

/* Beside this program, as it is built; else where it is installed. */
static void find_enforcer(char *ret, size_t room)
{
	ssize_t len = readlink("/proc/self/exe", ret, room - sizeof ENFORCER_NAME);
	char *slash = NULL;
	if (len > 0) {
		ret[len] = '\0';
		slash = strrchr(ret, '/');
	}
	if (slash != NULL)
		(void)snprintf(slash + 1, sizeof ENFORCER_NAME, "%s", ENFORCER_NAME);
	if (slash == NULL || access(ret, X_OK) < 0)
		(void)snprintf(ret, room, "%s", POSTERN_LIBEXEC "/" ENFORCER_NAME);
}

static struct guarding_options options_of(const struct call *call, const struct guard *g)
{
	bool probe = strcmp(g->respond, "probe") == 0;
	struct guarding_options o = {.policy_path = g->policy,
		.baseline_path = g->baseline,
		.local = &g->watch.local,
		.never = &g->never,
		.trail = g->trail,
		.control = g->control,
		.cases = g->cases,
		.cases_age_ns = (int64_t)(g->cases_days * 86400 * (double)NS_PER_S),
		.metrics = g->metrics,
		.metrics_exposed = g->exposed,
		.rpz = g->rpz,
		.enforce = acts(g),
		.persistent = strcmp(g->on_exit, "closed") == 0,
		.block_known = g->block_known,
		.remembers = g->watch.state != NULL,
		.state = g->watch.state,
		.strangers = (unsigned)g->strangers,
		.slot_ns = (int64_t)(g->slot_s * (double)NS_PER_S),
		.coin = hash_key_new(),
		.json = g->watch.json,
		.quiet = g->watch.quiet};
	o.rules = (struct guard_rules){.response = response_of(g->respond),
		/* what is only suspected can be asked */
		.max_e = probe && !call_given(call, "act-e") ? 1 : g->act_e,
		.expiry_ns = (int64_t)(g->expiry_s * (double)NS_PER_S),
		/* where nobody is named everything is a stranger */
		.hold_ns = g->policy == NULL && g->baseline == NULL
	                           ? 0
	                           : (int64_t)(g->hold_s * (double)NS_PER_S),
		.channels = (uint32_t)g->max_blocked,
		.hosts = (uint32_t)g->max_hosts,
		.changes = (uint32_t)g->max_changes,
		.popular = (unsigned)g->popular};
	if (g->seed != NULL)
		(void)read_seed(g->seed, &o.coin);
	return o;
}

/* Nothing was read yet: what needs privileges is set apart, the rest gives them up. */
static int split(const struct guard *g, struct children *ret, struct fail *why)
{
	char beside[4096];
	int code = 0;
	find_enforcer(beside, sizeof beside);
	if (acts(g))
		code = guard_spawner_start(
			&ret->spawner, g->enforcer != NULL ? g->enforcer : beside, why);
	if (code == 0 && acts(g) && g->rpz != NULL)
		code = reload_new(&ret->reload, g->rpz_reload, why);
	return code < 0 ? code : privileges_lower(g->user, why);
}

static enum exit_code guard_on(const struct call *call, const struct children *children)
{
	const struct guard *g = call->settings;
	struct guarding *guarding = NULL;
	struct fail why = {0};
	enum exit_code code = EXIT_USAGE;
	struct guarding_options o = options_of(call, g);
	int failed = guarding_read(&o, &why);
	o.spawner = children->spawner;
	o.reload = children->reload;
	if (failed == 0 && (failed = guarding_new(&guarding, &o, &why)) < 0)
		code = EXIT_NOTHING;
	struct watch_hooks hooks = {.context = guarding,
		.event = guarding_event,
		.finding = guarding_finding,
		.known = guarding_known,
		.begun = o.rules.hold_ns > 0 ? guarding_begun : NULL,
		.refused = o.rules.hold_ns > 0 ? guarding_refused : NULL,
		.told = g->cases != NULL ? guarding_told : NULL,
		.keep = g->cases != NULL ? guarding_keep : NULL,
		.opened = guarding_opened,
		.start = guarding_start,
		.turn = guarding_turn,
		.wake = guarding != NULL ? guarding_wake(guarding) : 0,
		.max_e = o.rules.response == RESPOND_PROBE ? o.rules.max_e : 0,
		.expected = {o.policy, o.baseline}};
	if (failed < 0)
		message("%s", why.text);
	else
		code = watch_start(call, &g->watch, &hooks);
	guarding_free(guarding);
	return code;
}

static enum exit_code guard_run(const struct call *call)
{
	const struct guard *g = call->settings;
	const char *wrong = complaint(call, g);
	struct children children = {0};
	struct fail why = {0};
	enum exit_code code = EXIT_NOTHING;
	if (guard_asks(call))
		return guard_ask(call, &(struct guard_asking){.control = g->control,
					       .cases = g->cases,
					       .hold_s = g->expiry_s,
					       .held = call_given(call, "expiry"),
					       .json = g->watch.json});
	if (wrong != NULL) {
		message("guard: %s", wrong);
		return EXIT_USAGE;
	}
	if (split(g, &children, &why) < 0)
		message("%s", why.text);
	else
		code = guard_on(call, &children);
	reload_free(children.reload);
	guard_spawner_end(children.spawner);
	return code;
}

static const char *const text[] = {
	"Watches an interface of a Linux gateway (or a host), and closes the fallback channels "
	"that it "
	"finds: for the host that went over to them, by address, protocol and port, for a time. "
	"The "
	"switch is what is acted on: failures alone, which anybody can forge, block nothing.",
	"Without --enforce it is a dry run. With it, postern-enforcer, a program of its own that "
	"holds "
	"CAP_NET_ADMIN and nothing else, keeps one nftables table, inet postern_guard, before the "
	"rules "
	"that are there, which it never touches. What it drops comes back as failures, so that the "
	"next channel of the same host is found too.",
	"Never blocked are --never-block, the policy's never-block, this machine's addresses, its "
	"gateways and resolvers, who answers DNS to three hosts or more, and what more than "
	"--popular "
	"hosts reach. No more is blocked at once, or changed in a minute, than the limits say.",
	"With a policy or a baseline a switch is answered at its first packet, for --hold, before "
	"there is a finding: a channel that was in use fails, and at once another begins that "
	"nobody has named, where by the host's own pace hardly anything would have (--respond "
	"probe: it is asked about by experiment). --strangers N "
	"answers whatever is more than N such channels within an hour, for hosts whose needs are "
	"written down.",
	"--respond probe asks by experiment: the suspected channel is shut for some minutes, or "
	"only "
	"said to be, as a coin decides, and what is new after blocks but not after shams proves a "
	"fallback, with stated errors (1e-4, 0.05). Then its other ways are found and shut, and "
	"the "
	"host is contained; who shows none is cleared. Without --enforce all are shams.",
	"The trail is one JSON line for each change, on disk before the change is made. A guard "
	"that "
	"was killed goes on with what is in force there.",
	"With --cases FILE all that is told is in FILE first, on disk, with what was left alone "
	"and why: after kill -9 nothing that was told is missing. explain HOST --cases FILE "
	"prints a host's story from it. When the disk is full that is told once, the guard goes "
	"on, and what waits is written when there is room.",
	"With --control PATH a running guard is asked over a socket. status tells what is in "
	"force, "
	"how full its limits are, what it took and lost. undo ID ends a change at once; the same "
	"finding does not make it again for --expiry (the guard's own when it is not given). "
	"explain HOST tells what the host was found to do, what was done about it, and what was "
	"left alone and why.",
	"SIGHUP reads the policy and the baseline anew: they take the place of those before as a "
	"whole, or, when something is wrong with one, that is told and nothing changes.",
	"--metrics answers HTTP on loopback: /metrics for Prometheus, /health with 200 or 503 and "
	"what is wrong. postern-guard.service runs it under systemd, with what "
	"/etc/postern/guard.conf adds.",
	"-i needs CAP_NET_RAW and CAP_NET_ADMIN, which are given up once the interface is open. "
	"docs/GUARD.md tells more.",
	NULL,
};

static const struct example examples[] = {
	{"postern guard -i eth1 --policy egress.yaml", "What would it do?"},
	{"postern guard -i eth1 --policy egress.yaml --enforce --trail "
	 "/var/lib/postern/trail.jsonl",
		"Block what is found:"},
	{"postern guard -i eth1 --policy egress.yaml --enforce --respond contain --on-exit closed "
	 "--trail /var/lib/postern/trail.jsonl --state /var/lib/postern/guard",
		"Contain, and stay closed:"},
	{"postern guard -i eth1 --policy egress.yaml --enforce --respond probe --trail "
	 "/var/lib/postern/trail.jsonl --state /var/lib/postern/guard",
		"Ask suspects by experiment:"},
	{"postern guard undo 7 --control /run/postern/guard", "Take a block back:"},
};

const struct verb verb_guard = {
	.name = "guard",
	.words = "[status|undo ID|explain HOST]",
	.summary = "watch an interface, and close the fallback channels that are found",
	.text = text,
	.option = options,
	.options = ARRAY_LEN(options),
	.settings_bytes = sizeof(struct guard),
	.example = examples,
	.examples = ARRAY_LEN(examples),
	.run = guard_run,
};
