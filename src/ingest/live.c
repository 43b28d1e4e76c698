#include "ingest/live.h"

#include <errno.h>
#include <net/if.h>
#include <pcap/pcap.h>
#include <unistd.h>

#include "base/limits.h"

#define BUFFER_BYTES_MAX ((size_t)1 << 30)
#define SNAP_BYTES_MAX   ((uint32_t)256 << 10)

struct live {
	pcap_t *pcap;
	int fd;
	uint16_t linktype;
	int64_t fraction_ns; /* of tv_usec */
	uint64_t number;
	struct live_drops drops;
	uint32_t kernel_seen, interface_seen; /* libpcap's counters, which wrap */
	char name[64];
};

/* ---- failing ---- */

/* The interfaces that there are, as many as the line holds. */
static void list_interfaces(char *buf, size_t room)
{
	struct if_nameindex *list = if_nameindex();
	size_t len = 0;
	buf[0] = '\0';
	for (size_t i = 0; list != NULL && list[i].if_index != 0; i++) {
		const char *gap = len > 0 ? ", " : "";
		if (len + strlen(gap) + strlen(list[i].if_name) + sizeof ", …" > room) {
			(void)snprintf(buf + len, room - len, ", …");
			break;
		}
		len += (size_t)snprintf(buf + len, room - len, "%s%s", gap, list[i].if_name);
	}
	if (list != NULL)
		if_freenameindex(list);
}

static int fail_no_device(const char *iface, struct fail *why)
{
	char names[160];
	list_interfaces(names, sizeof names);
	return fail_set(why, -ENODEV, "%.32s: no such interface; there are: %s, any", iface, names);
}

static int fail_permission(const char *iface, struct fail *why)
{
	char self[128];
	ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
	self[len > 0 ? len : 0] = '\0';
	return fail_set(why, -EPERM,
		"%.32s: no permission to capture: use sudo, or once: sudo setcap "
		"cap_net_raw,cap_net_admin=eip %s",
		iface, len > 0 ? self : "postern");
}

static int fail_activate(struct live *l, int status, struct fail *why)
{
	switch (status) {
	case PCAP_ERROR_PERM_DENIED:
	case PCAP_ERROR_PROMISC_PERM_DENIED:
		return fail_permission(l->name, why);
	case PCAP_ERROR_NO_SUCH_DEVICE:
		return fail_no_device(l->name, why);
	case PCAP_ERROR_IFACE_NOT_UP:
		return fail_set(
			why, -ENETDOWN, "%s: is down: sudo ip link set %s up", l->name, l->name);
	default:
		break;
	}
	const char *words = status == PCAP_ERROR ? pcap_geterr(l->pcap) : pcap_statustostr(status);
	return fail_set(why, -EIO, "%s: %s", l->name, words);
}

/* ---- opening ---- */

/* pcap-linktype(7): the numbers are those of files but for a few of the old ones; of them Linux
 * gives raw IP (tunnels). */
static uint16_t linktype_of(int dlt)
{
	enum { LINKTYPE_RAW = 101 };
	return dlt == DLT_RAW ? LINKTYPE_RAW : (uint16_t)dlt;
}

static int activate(struct live *l, const struct live_options *options, struct fail *why)
{
	size_t buffer = options->buffer_bytes != 0 ? options->buffer_bytes : LIVE_BUFFER_BYTES;
	uint32_t snap = options->snap_bytes != 0 ? options->snap_bytes : LIVE_SNAP_BYTES;
	if (buffer > BUFFER_BYTES_MAX || snap > SNAP_BYTES_MAX)
		return fail_set(why, -EINVAL,
			"buffer of %zu and packets of %u bytes: at most %zu and %u", buffer, snap,
			BUFFER_BYTES_MAX, SNAP_BYTES_MAX);
	bool any = strcmp(l->name, "any") == 0;
	(void)pcap_set_snaplen(l->pcap, (int)snap);
	(void)pcap_set_buffer_size(l->pcap, (int)buffer);
	(void)pcap_set_promisc(l->pcap, !options->not_promiscuous && !any);
	(void)pcap_set_immediate_mode(l->pcap, 0);
	(void)pcap_set_timeout(l->pcap, LIVE_DELAY_MS);
	(void)pcap_set_tstamp_precision(l->pcap, PCAP_TSTAMP_PRECISION_NANO);
	int status = pcap_activate(l->pcap); /* over 0: a warning, as of a NIC's own clock */
	return status < 0 ? fail_activate(l, status, why) : 0;
}

static int set_filter(struct live *l, const char *filter, struct fail *why)
{
	struct bpf_program program;
	if (filter == NULL)
		return 0;
	if (pcap_compile(l->pcap, &program, filter, 1, PCAP_NETMASK_UNKNOWN) < 0)
		return fail_set(why, -EINVAL, "filter: %s", pcap_geterr(l->pcap));
	int status = pcap_setfilter(l->pcap, &program);
	pcap_freecode(&program);
	return status < 0 ? fail_set(why, -EIO, "filter: %s", pcap_geterr(l->pcap)) : 0;
}

static int start(struct live *l, const struct live_options *options, struct fail *why)
{
	char words[PCAP_ERRBUF_SIZE] = "";
	l->pcap = pcap_create(l->name, words);
	if (l->pcap == NULL)
		return fail_set(why, -EIO, "%s: %s", l->name, words);
	int code = activate(l, options, why);
	if (code == 0)
		code = set_filter(l, options->filter, why);
	if (code < 0)
		return code;
	if (pcap_setnonblock(l->pcap, 1, words) < 0)
		return fail_set(why, -EIO, "%s: %s", l->name, words);
	l->fd = pcap_get_selectable_fd(l->pcap);
	if (l->fd < 0)
		return fail_set(why, -EIO, "%s: cannot be waited for", l->name);
	l->fraction_ns =
		pcap_get_tstamp_precision(l->pcap) == PCAP_TSTAMP_PRECISION_NANO ? 1 : NS_PER_US;
	l->linktype = linktype_of(pcap_datalink(l->pcap));
	return 0;
}

int live_open(
	struct live **ret, const char *iface, const struct live_options *options, struct fail *why)
{
	/* asked first: without permission libpcap says only that; and its other devices (USB,
	 * D-Bus) carry no IP */
	if (strcmp(iface, "any") != 0 &&
		(strlen(iface) >= IF_NAMESIZE || if_nametoindex(iface) == 0))
		return fail_no_device(iface, why);
	struct live *l = calloc(1, sizeof *l);
	if (l == NULL)
		return fail_set(why, -ENOMEM, "%s", strerror(ENOMEM));
	l->fd = -1;
	(void)snprintf(l->name, sizeof l->name, "%s", iface);
	int code = start(l, options, why);
	if (code < 0) {
		live_close(l);
		return code;
	}
	*ret = l;
	return 0;
}

void live_close(struct live *l)
{
	if (l == NULL)
		return;
	if (l->pcap != NULL)
		pcap_close(l->pcap);
	free(l);
}

/* ---- reading ---- */

int live_next(struct live *l, struct frame *ret, struct fail *why)
{
	struct pcap_pkthdr *header;
	const u_char *bytes;
	int status = pcap_next_ex(l->pcap, &header, &bytes);
	if (status == 0)
		return 0;
	if (status != 1) {
		bool gone = strcmp(l->name, "any") != 0 && if_nametoindex(l->name) == 0;
		const char *words = pcap_geterr(l->pcap);
		bool down = gone || strstr(words, "down") != NULL ||
		            strstr(words, "disappeared") != NULL;
		return fail_set(why, down ? -ENETDOWN : -EIO, "%s: %s", l->name,
			gone ? "the interface is gone" : words);
	}
	*ret = (struct frame){
		.time_ns = header->ts.tv_sec * NS_PER_S + header->ts.tv_usec * l->fraction_ns,
		.bytes = bytes,
		.cap_bytes = header->caplen,
		.wire_bytes = header->len > header->caplen ? header->len : header->caplen,
		.linktype = l->linktype,
		.number = ++l->number,
	};
	return 1;
}

int live_fd(const struct live *l)
{
	return l->fd;
}

struct live_drops live_drops(struct live *l)
{
	struct pcap_stat stat = {0};
	if (pcap_stats(l->pcap, &stat) == 0) {
		l->drops.kernel += (uint32_t)(stat.ps_drop - l->kernel_seen);
		l->drops.interface += (uint32_t)(stat.ps_ifdrop - l->interface_seen);
		l->kernel_seen = stat.ps_drop;
		l->interface_seen = stat.ps_ifdrop;
	}
	return l->drops;
}
