#include <string.h>

#include "detect/detect.h"
#include "detect/detect_private.h"

/* What the two ends of a switch are by themselves, whenever it came: of one party, of a published
 * list, of a tool or a service that is known to walk. */

static enum mechanism class_mechanism(enum domain_class class)
{
	switch (class) {
	case DOMAIN_OPERATOR:
	case DOMAIN_DEADDROP:
		return MECHANISM_POPULAR;
	case DOMAIN_ECHO:
	case DOMAIN_PROBE:
	case DOMAIN_DNSBL:
		return MECHANISM_PROBE;
	case DOMAIN_ORDINARY:
	case DOMAIN_TENANT:
	case DOMAIN_MIRROR: /* both ends have to be */
	case DOMAIN_RESOLVER:
		break;
	}
	return MECHANISM_NONE;
}

/* ---- updaters ---- */

static const char *const package_agents[] = {"Debian APT", "libdnf", "urlgrabber", "yum/", "dnf/",
	"pacman/", "pip/", "npm/", "yarn/", "pnpm/", "Go-http-client/1.1 (go mod", "cargo",
	"composer/", "RubyGems", "Bundler", "conda/", "Homebrew", "ZYpp", "apk-tools", "ClamAV/",
	"snapd/", "containers/", "docker/", "git/"};

static bool is_package_tool(const struct view *v, uint32_t channel)
{
	const char *agent = strings_get(v->strings, v->channel[channel].channel->user_agent);
	if (agent == NULL)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(package_agents); i++)
		if (strncmp(agent, package_agents[i], strlen(package_agents[i])) == 0)
			return true;
	return false;
}

/* The domain whose database's version the host asks for by DNS is the first of a list that this
 * updater walks (freshclam.conf: DatabaseMirror). */
static bool is_database(const struct view *v, uint32_t channel)
{
	const struct view_channel *c = &v->channel[channel];
	return v->host->database != 0 && c->named && c->endpoint == v->host->database;
}

/* ---- what is my address ---- */

/* No answer of such a service is longer than a line, within its TLS handshake and headers. */
#define ECHO_BYTES 8192u

static bool is_echo_word(const char *word, size_t len)
{
	static const char *const words[] = {"ip", "ip4", "ip6", "ipv4", "ipv6", "addr", "myip",
		"mywanip", "wanip", "myexternalip", "whatismyip", "whatsmyip", "whatismyipaddress",
		"checkip", "showip", "getip", "ipaddr", "ipcheck", "ipecho", "ipinfo", "ipify",
		"ipapi", "iplookup", "iplocation", "ipgeo", "geoip", "icanhaz", "icanhazip",
		"ifconfig"};
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strlen(words[i]) == len && memcmp(words[i], word, len) == 0)
			return true;
	return false;
}

/* The name has a word for it, and its answers are as short. What one name says, anybody can make it
 * say: both ends have to. */
static bool says_echo(const struct view *v, uint32_t channel)
{
	const struct channel *c = v->channel[channel].channel;
	const char *name = strings_get(v->strings, c->name);
	uint64_t most = (uint64_t)ECHO_BYTES * c->connections;
	if (name == NULL || !v->channel[channel].named || c->bytes_in > most || c->bytes_out > most)
		return false;
	for (size_t len; *name != '\0'; name += len + (name[len] != '\0')) {
		len = strcspn(name, ".-");
		if (is_echo_word(name, len))
			return true;
	}
	return false;
}

/* ---- mail, VPN ---- */

/* Port 25 of a host that asks DNS for mail exchangers: it speaks SMTP there, or never answered. */
static bool is_mail_exchanger(const struct view *v, uint32_t channel)
{
	enum { SMTP_PORT = 25 };
	const struct channel *c = v->channel[channel].channel;
	const char *service = strings_get(v->strings, c->service);
	return v->host->asks_mx && c->transport == TRANSPORT_TCP && c->port == SMTP_PORT &&
	       (service == NULL || strcmp(service, "smtp") == 0);
}

bool speaks_vpn(const struct view *v, uint32_t channel)
{
	static const char *const services[] = {"openvpn", "wireguard", "ipsec", "isakmp"};
	const char *service = strings_get(v->strings, v->channel[channel].channel->service);
	for (size_t i = 0; service != NULL && i < ARRAY_LEN(services); i++)
		if (strcmp(service, services[i]) == 0)
			return true;
	return false;
}

/* ---- both ends ---- */

enum mechanism mechanism_of_ends(const struct view *v, uint32_t a, uint32_t b)
{
	const struct view_channel *from = &v->channel[a], *to = &v->channel[b];
	enum mechanism m = class_mechanism(from->class);
	if (m == MECHANISM_NONE)
		m = class_mechanism(to->class);
	if (m != MECHANISM_NONE)
		return m;
	if (from->class == to->class && from->class == DOMAIN_MIRROR)
		return MECHANISM_MIRROR;
	if (from->class == to->class && from->class == DOMAIN_RESOLVER)
		return MECHANISM_RESOLVER_POOL;
	if (!from->rare && !to->rare)
		return MECHANISM_COMMON_PAIR;
	if (!from->rare || !to->rare)
		return MECHANISM_POPULAR;
	if (is_mail_exchanger(v, a) && is_mail_exchanger(v, b))
		return MECHANISM_MX_WALK;
	if (v->channel[a].channel->port == v->channel[b].channel->port && speaks_vpn(v, b))
		return MECHANISM_VPN_REMOTES;
	bool bare = !from->named && !to->named;
	if (bare && v->peer_to_peer)
		return MECHANISM_PEER_TO_PEER;
	if (bare && v->scanning)
		return MECHANISM_SCAN;
	if (is_package_tool(v, a) || is_package_tool(v, b) || is_database(v, a))
		return MECHANISM_MIRROR;
	if (says_echo(v, a) && says_echo(v, b))
		return MECHANISM_PROBE;
	return MECHANISM_NONE;
}

enum mechanism mechanism_between(const struct view *v, uint32_t a, uint32_t b)
{
	if (view_same_party(v, a, b))
		return v->channel[a].operator!= NULL ? MECHANISM_SAME_OPERATOR
		                                     : MECHANISM_SAME_NETWORK;
	return mechanism_of_ends(v, a, b);
}
