/* Messages of SMB 2 and 3: [MS-SMB2] 2.2. Several may stand in one (NextCommand, 2.2.1.2); each
 * answer has the number of its question (MessageId), also when it comes late (STATUS_PENDING). */
#include <string.h>

#include "scan/smb.h"

#define HEAD_BYTES      64u
#define STATUS_PENDING  0x103u
#define BUFFER_OVERFLOW 0x80000005u
#define SHARE_PIPE      0x02
#define FOLDER          0x10u
#define MESSAGES_MAX    1024u /* in one */

enum { TREE_CONNECT = 3, CREATE = 5, CLOSE = 6, READ = 8, WRITE = 9 };

struct head { /* 2.2.1 */
	uint32_t status, flags, next, tree;
	uint16_t command;
	uint64_t key, session;
};

static void head_decode(struct cur *c, struct head *ret)
{
	struct head h = {0};
	cur_skip(c, 8); /* mark, size, charge */
	h.status = cur_le32(c);
	h.command = cur_le16(c);
	cur_skip(c, 2);
	h.flags = cur_le32(c);
	h.next = cur_le32(c);
	h.key = cur_le64(c);
	cur_skip(c, 4);
	h.tree = cur_le32(c);
	h.session = cur_le64(c);
	cur_skip(c, 16); /* signature */
	if (cur_ok(c))
		*ret = h;
}

static struct smb_id take_id(struct cur *c)
{
	struct smb_id id = {0};
	struct span s = cur_bytes(c, sizeof id.byte);
	if (s.len == sizeof id.byte)
		memcpy(id.byte, s.ptr, sizeof id.byte);
	return id;
}

/* All ones: the file of the message before in the same (2.2.1.2, 3.2.4.1.4). */
static uint32_t file_of(const struct smb_now *now, struct cur *c, uint32_t before)
{
	static const uint8_t same[16] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	struct smb_id id = take_id(c);
	if (!cur_ok(c))
		return 0;
	return memcmp(id.byte, same, sizeof same) == 0 ? before : smb_file_of(now, &id);
}

/* Returns the file that it was about; 0 none. */
static uint32_t question(const struct smb_now *now, const struct head *h, struct span m,
	struct cur c, uint32_t before)
{
	char name[CARRY_NAME_BYTES];
	uint32_t file = 0;
	uint64_t at, len;
	switch (h->command) {
	case TREE_CONNECT: /* 2.2.9 */
		cur_skip(&c, 4);
		at = cur_le16(&c);
		len = cur_le16(&c);
		smb_text(name, smb_part(m, at, len), true);
		smb_tree_asked(now, h->key, name);
		return 0;
	case CREATE: /* 2.2.13 */
		cur_skip(&c, 44);
		at = cur_le16(&c);
		len = cur_le16(&c);
		smb_text(name, smb_part(m, at, len), true);
		return smb_open_asked(now, h->key, h->session, h->tree, name);
	case CLOSE: /* 2.2.15 */
		cur_skip(&c, 8);
		file = file_of(now, &c, before);
		smb_close_asked(now, h->key, file);
		return file;
	case READ: /* 2.2.19 */
		cur_skip(&c, 8);
		at = cur_le64(&c);
		file = file_of(now, &c, before);
		smb_read_asked(now, h->key, file, at);
		return file;
	case WRITE: { /* 2.2.21 */
		cur_skip(&c, 2);
		size_t from = cur_le16(&c);
		len = cur_le32(&c);
		at = cur_le64(&c);
		file = file_of(now, &c, before);
		if (cur_ok(&c))
			smb_write(now, file, at, smb_part(m, from, len));
		return file;
	}
	default:
		return before;
	}
}

static void answer(const struct smb_now *now, const struct head *h, struct span m, struct cur c)
{
	bool ok = h->status == 0;
	if (h->status == STATUS_PENDING)
		return;
	switch (h->command) {
	case TREE_CONNECT: /* 2.2.10 */
		cur_skip(&c, 2);
		if (ok)
			smb_tree_got(now, h->key, h->session, h->tree, cur_u8(&c) == SHARE_PIPE);
		return;
	case CREATE: { /* 2.2.14 */
		struct smb_opened o = {.ok = ok};
		cur_skip(&c, 48);
		o.size = cur_le64(&c);
		o.folder = (cur_le32(&c) & FOLDER) != 0;
		cur_skip(&c, 4);
		o.id = take_id(&c);
		if (cur_ok(&c) || !ok)
			smb_opened(now, h->key, &o);
		return;
	}
	case CLOSE: /* 2.2.16 */
		smb_closed(now, h->key);
		return;
	case READ: { /* 2.2.20 */
		cur_skip(&c, 2);
		size_t from = cur_u8(&c);
		cur_skip(&c, 1);
		size_t len = cur_le32(&c);
		ok = (ok || h->status == BUFFER_OVERFLOW) && cur_ok(&c);
		smb_read(now, h->key, ok ? smb_part(m, from, len) : (struct span){0});
		return;
	}
	default:
		return;
	}
}

void smb2_message(const struct smb_now *now, enum side side, struct span message)
{
	uint32_t file = 0;
	for (unsigned i = 0; i < MESSAGES_MAX; i++) {
		struct cur c = cur_of(message.ptr, message.len);
		struct head h = {0};
		head_decode(&c, &h);
		if (!cur_ok(&c))
			return;
		bool last = h.next < HEAD_BYTES || h.next > message.len;
		struct span m = {message.ptr, last ? message.len : h.next};
		struct smb_now one = *now;
		one.cut &= last; /* the others are whole */
		c.len = m.len - HEAD_BYTES;
		if (side == CLIENT)
			file = question(&one, &h, m, c, file);
		else
			answer(&one, &h, m, c);
		if (last)
			return;
		message = (struct span){message.ptr + h.next, message.len - h.next};
	}
}
