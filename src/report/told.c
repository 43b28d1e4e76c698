#include "report/told.h"

#include "report/say.h"

#define E_HIGH   1e-3
#define E_MEDIUM 1e-2

#define C2           "TA0011", "Command and Control", "command-and-control"
#define EXFILTRATION "TA0010", "Exfiltration", "exfiltration"

static const struct technique fallback = {"T1008", "Fallback Channels", NULL, NULL, C2,
	"attack-pattern--f24faf46-3b26-4dbb-98f2-63460498e433"};
static const struct technique generated = {"T1568.002", "Domain Generation Algorithms", "T1568",
	"Dynamic Resolution", C2, "attack-pattern--118f61a5-eb3e-4fb6-931f-2096647f4ecd"};
static const struct technique deaddrop = {"T1102.001", "Dead Drop Resolver", "T1102", "Web Service",
	C2, "attack-pattern--f7827069-0bf2-4764-af4f-23fae0d181b7"};
static const struct technique tunnel = {"T1572", "Protocol Tunneling", NULL, NULL, C2,
	"attack-pattern--4fe28b27-b13c-453e-a386-c2ef362a573b"};
static const struct technique split = {"T1030", "Data Transfer Size Limits", NULL, NULL,
	EXFILTRATION, "attack-pattern--c3888c54-775d-4b2f-b759-75a2ececcbfd"};

const struct technique *const *told_techniques(enum finding_kind kind)
{
	static const struct technique *const techniques[KIND_COUNT][3] = {
		[KIND_LADDER] = {&fallback},
		[KIND_HANDOVER] = {&fallback},
		[KIND_ROTATION] = {&fallback},
		[KIND_DGA] = {&fallback, &generated},
		[KIND_DEADDROP] = {&fallback, &deaddrop},
		[KIND_TUNNEL] = {&fallback, &tunnel},
		[KIND_SPLIT] = {&fallback, &split},
	};
	return techniques[kind];
}

enum severity told_severity(const struct report_case *c, const struct finding *f)
{
	enum standing standing = finding_standing(c, f);
	if (standing == STANDING_EXPLAINED || standing == STANDING_REJECTED)
		return SEVERITY_NONE;
	if (f->ruling != NULL || f->e_value <= E_HIGH)
		return SEVERITY_HIGH;
	return f->e_value <= E_MEDIUM ? SEVERITY_MEDIUM : SEVERITY_LOW;
}

bool told_of(const struct report_case *c, const struct finding *f)
{
	enum standing standing = finding_standing(c, f);
	return standing == STANDING_REPORTED || (c->all && standing != STANDING_WEAKER);
}

bool told_against(const struct report_case *c, const struct finding *f)
{
	return finding_standing(c, f) == STANDING_REPORTED;
}

void told_title(struct out *o, const struct finding *f)
{
	out_text(o, finding_kind_sentence(f->kind));
	out_text(o, ": ");
	say_route(o, f);
}

void told_story(struct out *o, const struct finding *f)
{
	size_t told = 0;
	for (size_t i = 0; i < f->evidences; i++) {
		if (say_is_also(&f->evidence[i]))
			continue; /* they would hide, in one line, those that count */
		out_text(o, told++ == 0 ? "" : "; ");
		out_text(o, f->evidence[i].text);
	}
	if (f->explained != NULL) {
		out_text(o, told == 0 ? "explained: " : "; explained: ");
		out_text(o, f->explained_text == NULL ? f->explained : f->explained_text);
	}
}

const struct finding_channel *told_fallback(const struct finding *f)
{
	if (f->switches > 0)
		return &f->channel[f->sw[f->switches - 1].to];
	for (size_t i = 0; i < f->channels; i++)
		if (f->channel[i].role == ROLE_FALLBACK)
			return &f->channel[i];
	return &f->channel[0];
}

int64_t told_now(const struct report_case *c)
{
	int64_t now_ns = c->summary->last_ns;
	for (size_t i = 0; i < c->findings; i++) {
		const struct finding *f = c->finding[i];
		if (f->last_ns > now_ns)
			now_ns = f->last_ns;
		if (f->ruling != NULL && f->ruling->at_ns > now_ns)
			now_ns = f->ruling->at_ns;
	}
	return now_ns;
}
