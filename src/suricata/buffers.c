/* What the sticky buffers are called, who fills them and of which application protocol they are. */
#include "suricata/read.h"

static const struct {
	const char *name, *legacy, *app;
	int side;
} buffers[BUFFER_COUNT] = {
	[BUFFER_PAYLOAD] = {"payload", NULL, NULL, 0},
	[BUFFER_UNKNOWN] = {"a buffer that is not supported", NULL, NULL, 0},
#define BUFFER(name, legacy, side, app, id) [BUFFER_##id] = {name, legacy, app, side},
#include "suricata/buffers.def"
#undef BUFFER
};

const char *suricata_buffer_name(enum suricata_buffer buffer)
{
	return buffers[buffer].name;
}

int suricata_buffer_side(enum suricata_buffer buffer)
{
	return buffers[buffer].side;
}

const char *suricata_buffer_app(enum suricata_buffer buffer)
{
	return buffers[buffer].app;
}

const char *buffer_legacy(enum suricata_buffer buffer)
{
	return buffers[buffer].legacy;
}
