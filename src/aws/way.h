/* Inside aws/: the way of a packet, as far as it was followed. */
#pragma once

#include "aws/model.h"

#define PROTO_ICMP   1
#define PROTO_TCP    6
#define PROTO_UDP    17
#define PROTO_ICMPV6 58

/* What clients take as their own port: Linux from 32768, Windows and others within that; a NAT
 * gateway from 1024 (VPC user guide, "Ephemeral ports"). */
#define CLIENT_LOW 32768
#define NAT_LOW    1024

/* Firewalls and gateways that lead on, one behind the other. */
#define WAY_HOPS_MAX 4
/* Subnets that a flow's firewalls may stand in, tried one after the other. */
#define WAY_TRIES_MAX 64u

struct way {
	const struct vpc *v;
	struct vpc_answer *answer;
	struct packet p;
	/* the source's, then of what sends the packet on; NULL: not known */
	const struct vpc_object *network, *subnet, *interface;
	const struct vpc_address *from;   /* the source's; NULL: not known */
	bool translated;                  /* by a NAT gateway */
	const struct vpc_object *transit; /* gateway by which it came to this VPC; NULL: none */
	const void *said;
	uint16_t src_port;
	bool entered; /* its destination, or that is none that rules stand before */
	/* endpoints of firewalls since the last translation: replies have to take them back */
	const struct vpc_object *passed[WAY_HOPS_MAX];
	size_t passes, hops;
	unsigned *tries; /* WAY_TRIES_MAX of them for a flow */
};

/* A new stage, undecided. */
struct vpc_stage *way_stage(struct way *w, const char *name);
void way_say(struct way *w, enum vpc_verdict verdict, const char *name,
	const struct vpc_object *object, const char *reason);
void way_cross_acl(struct way *w, const struct vpc_object *subnet, const struct packet *p,
	bool egress, const char *name);
/* What answers to p, to ports from low. False: nothing answers to it. */
bool way_reply(const struct packet *p, uint16_t low, struct packet *ret);
/* The route that takes packets of the subnet to the address, which becomes a stage; NULL: that
 * stage ends the way. */
const struct vpc_route *way_take_route(
	struct way *w, const struct vpc_object *subnet, const struct addr *to, const char *name);
/* How many bits of the address the route fixes; -1: it is not for it. */
int way_route_bits(const struct vpc_route *route, const struct addr *a);
/* Without a stage. False: not known, or none. */
bool way_peek_route(const struct vpc *v, const struct vpc_object *subnet, const struct addr *to,
	enum vpc_target *ret);
/* All that is met behind the route. */
void way_follow(struct way *w, const struct vpc_route *route);
/* To what nobody read: undecided, unless the other end shuts it. */
void way_leave(struct way *w, const struct vpc_object *gateway, const char *name, const char *why);
/* Within one VPC: that replies find back, which is asked only where more than its own router has to
 * do with it. */
void way_return_inside(struct way *w, const struct vpc_object *subnet);

/* ---- transit.c ---- */

void way_pass_transit(struct way *w, const struct vpc_object *gateway);

/* ---- firewall.c ---- */

/* Goes on from each subnet, of one zone alone unless that is NULL; where they differ it is
 * undecided, by `why`. */
struct way_doors {
	const struct vpc_member *subnets;
	const char *zone;
	void (*go)(struct way *w, const struct vpc_object *subnet);
	const char *name, *why; /* of the stage that says so */
	const struct vpc_object *object;
};
void way_try_each(struct way *w, const struct way_doors *doors);

/* The policy of an endpoint that is not a firewall's, as a stage. */
void way_ask_policy(struct way *w, const struct vpc_object *endpoint);
void way_pass_endpoint(struct way *w, const struct vpc_object *endpoint);
/* Whether the reply's route is what the firewalls that were passed need. False: none was, and none
 * stands in the reply's way either; else s says what is wrong, if anything is. */
bool way_judge_back(struct way *w, const struct vpc_route *back, struct vpc_stage *s);
/* The last address of those whose `open` last bits are not known. */
struct addr way_last(const struct addr *first, uint8_t open);

/* ---- way.c ---- */

/* To p's destination within the network, from a subnet of it or, with NULL, from outside it.
 * Returns the destination's subnet; NULL: not known. */
const struct vpc_object *way_enter(struct way *w, const struct vpc_object *network,
	const struct packet *p, const struct vpc_object *from);

/* The one VPC that has the address; NULL: none, or more than one. */
const struct vpc_object *way_network_of(const struct vpc *v, const struct addr *a);
/* The private address whose public one it is, and in *interface whose. NULL: not known. */
const struct vpc_address *way_find_public(
	const struct vpc *v, const struct addr *a, const struct vpc_object **interface);
