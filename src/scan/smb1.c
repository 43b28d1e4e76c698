/* Messages of SMB 1: [MS-CIFS] 2.2.3 and 2.2.4. A message may hold several commands (AndX,
 * 2.2.3.4), each at the place that the one before names. The old ways of reading and writing (READ,
 * WRITE, the raw and the multiplexed ones) are not looked into. */
#include <string.h>

#include "scan/smb.h"

#define WIDE          0x8000u /* SMB_FLAGS2_UNICODE */
#define NO_MORE       0xffu
#define COMMANDS_MAX  16u
#define WORDS_AT      32u /* of the first command */
#define FOLDER        0x10u
#define RESOURCE_DISK 0u

enum { CLOSE = 0x04, READ_ANDX = 0x2e, WRITE_ANDX = 0x2f, TREE_ANDX = 0x75, CREATE_ANDX = 0xa2 };

struct head { /* 2.2.3.1 */
	uint32_t status;
	uint16_t tree;
	uint8_t command;
	bool wide;
	uint64_t key;
};

struct command {
	const struct smb_now *now;
	const struct head *head;
	struct span message;
	struct cur words, bytes;
	size_t words_count;
	size_t bytes_at; /* place of bytes in the message: what is wide stands at even places */
	uint32_t before; /* the file of the command before; 0 none */
};

static void head_decode(struct cur *c, struct head *ret)
{
	struct head h = {0};
	cur_skip(c, 4);
	h.command = cur_u8(c);
	h.status = cur_le32(c);
	cur_skip(c, 1);
	h.wide = (cur_le16(c) & WIDE) != 0;
	cur_skip(c, 12);
	h.tree = cur_le16(c);
	h.key = (uint64_t)cur_le16(c) << 16; /* of a process */
	cur_skip(c, 2);
	h.key |= cur_le16(c);
	if (cur_ok(c))
		*ret = h;
}

static struct smb_id take_id(struct cur *c)
{
	struct smb_id id = {{cur_u8(c), 0}};
	id.byte[1] = cur_u8(c);
	return id;
}

/* A text at the next place where it may stand. */
static void take_text(struct command *c, size_t skip, char ret[static CARRY_NAME_BYTES])
{
	cur_skip(&c->bytes, skip);
	if (c->head->wide && (c->bytes_at + skip) % 2 != 0)
		cur_skip(&c->bytes, 1);
	smb_text(ret, cur_bytes(&c->bytes, c->bytes.len), c->head->wide);
}

static void ask_read(struct command *c)
{
	struct smb_id id = take_id(&c->words);
	uint64_t at = cur_le32(&c->words);
	cur_skip(&c->words, 10);
	if (c->words_count >= 12)
		at |= (uint64_t)cur_le32(&c->words) << 32;
	if (cur_ok(&c->words))
		smb_read_asked(c->now, c->head->key, smb_file_of(c->now, &id), at);
}

static void write_bytes(struct command *c)
{
	struct smb_id id = take_id(&c->words);
	uint64_t at = cur_le32(&c->words);
	cur_skip(&c->words, 8);
	size_t len = (size_t)cur_le16(&c->words) << 16;
	len |= cur_le16(&c->words);
	size_t from = cur_le16(&c->words);
	if (c->words_count >= 14)
		at |= (uint64_t)cur_le32(&c->words) << 32;
	if (cur_ok(&c->words))
		smb_write(c->now, smb_file_of(c->now, &id), at, smb_part(c->message, from, len));
}

static void question(struct command *c, uint8_t command)
{
	char name[CARRY_NAME_BYTES];
	if (command == TREE_ANDX) { /* 2.2.4.55.1 */
		cur_skip(&c->words, 2);
		take_text(c, cur_le16(&c->words), name);
		smb_tree_asked(c->now, c->head->key, name);
	} else if (command == CREATE_ANDX) { /* 2.2.4.64.1 */
		take_text(c, 0, name);
		c->before = smb_open_asked(c->now, c->head->key, 0, c->head->tree, name);
	} else if (command == READ_ANDX) { /* 2.2.4.42.1 */
		ask_read(c);
	} else if (command == WRITE_ANDX) { /* 2.2.4.43.1 */
		write_bytes(c);
	} else if (command == CLOSE) { /* 2.2.4.5.1 */
		struct smb_id id = take_id(&c->words);
		if (cur_ok(&c->words))
			smb_close_asked(c->now, c->head->key, smb_file_of(c->now, &id));
	}
}

static void opened(struct command *c)
{
	struct smb_opened o = {.ok = c->head->status == 0};
	cur_skip(&c->words, 1);
	o.id = take_id(&c->words);
	cur_skip(&c->words, 36);
	o.folder = (cur_le32(&c->words) & FOLDER) != 0;
	cur_skip(&c->words, 8);
	o.size = cur_le64(&c->words);
	o.folder |= cur_le16(&c->words) != RESOURCE_DISK; /* or a pipe */
	if (cur_ok(&c->words) || !o.ok)
		smb_opened(c->now, c->head->key, &o);
}

static void answer(struct command *c, uint8_t command)
{
	bool ok = c->head->status == 0;
	if (command == TREE_ANDX && ok) { /* 2.2.4.55.2: its bytes begin with the kind of service */
		struct span service = cur_bytes(&c->bytes, c->bytes.len < 3 ? c->bytes.len : 3);
		smb_tree_got(c->now, c->head->key, 0, c->head->tree,
			service.len == 3 && memcmp(service.ptr, "IPC", 3) == 0);
	} else if (command == CREATE_ANDX) { /* 2.2.4.64.2 */
		opened(c);
	} else if (command == READ_ANDX) { /* 2.2.4.42.2; DataLengthHigh: [MS-SMB] 2.2.4.2.2 */
		cur_skip(&c->words, 6);
		size_t len = cur_le16(&c->words), from = cur_le16(&c->words);
		len |= (size_t)cur_le16(&c->words) << 16;
		ok = ok && cur_ok(&c->words);
		smb_read(c->now, c->head->key,
			ok ? smb_part(c->message, from, len) : (struct span){0});
	} else if (command == CLOSE) {
		smb_closed(c->now, c->head->key);
	}
}

/* Returns the next command, whose words are at *at; NO_MORE. */
static uint8_t take_command(struct command *c, enum side side, uint8_t command, size_t *at)
{
	struct cur all = cur_of(c->message.ptr, c->message.len);
	uint8_t next = NO_MORE;
	bool chained = command != CLOSE;
	size_t here = *at;
	cur_skip(&all, here);
	c->words_count = cur_u8(&all);
	c->words = cur_sub(&all, c->words_count * 2);
	size_t count = cur_le16(&all);
	c->bytes_at = here + 1 + c->words_count * 2 + 2;
	c->bytes = cur_sub(&all, count < all.len ? count : all.len);
	if (chained && c->words_count >= 2) {
		next = cur_u8(&c->words);
		cur_skip(&c->words, 1);
		*at = cur_le16(&c->words);
	}
	if (side == CLIENT)
		question(c, command);
	else
		answer(c, command);
	return *at > here ? next : NO_MORE;
}

void smb1_message(const struct smb_now *now, enum side side, struct span message)
{
	static const uint8_t known[] = {CLOSE, READ_ANDX, WRITE_ANDX, TREE_ANDX, CREATE_ANDX,
		0x73 /* SESSION_SETUP */, 0x24 /* LOCKING */, 0x2d /* OPEN */};
	struct cur c = cur_of(message.ptr, message.len);
	struct head head = {0};
	head_decode(&c, &head);
	if (!cur_ok(&c))
		return;
	struct command command = {.now = now, .head = &head, .message = message};
	size_t at = WORDS_AT;
	uint8_t next = head.command;
	for (unsigned i = 0; i < COMMANDS_MAX && memchr(known, next, sizeof known) != NULL; i++)
		next = take_command(&command, side, next, &at);
}
