/* The whole way: what is told, then the document; nothing of it when something fails. */
#include "cloud/cloud.h"

#include <errno.h>

#include "cloud/model.h"

int cloud_compile(
	const struct cloud_ask *ask, struct out *text, struct out *losses, struct fail *why)
{
	static int (*const targets[])(const struct cloud_call *c, struct out *text) = {
		[CLOUD_NFW] = cloud_nfw, [CLOUD_SG] = cloud_sg, [CLOUD_NACL] = cloud_nacl};
	const struct cloud_call c = {.ask = ask, .losses = losses, .why = why};
	struct out all = {0};
	tell_losses(&c);
	int err = targets[ask->target](&c, &all);
	if (err == 0)
		out_bytes(text, out_string(&all), all.len);
	if (err == 0 && (all.failed || text->failed || losses->failed))
		err = -ENOMEM;
	out_fini(&all);
	if (err == -ENOMEM)
		return fail_set(why, err, "out of memory");
	return err == -E2BIG
	               ? fail_set(why, err, "a rule has too many parts: use fewer, wider networks")
	               : err;
}
