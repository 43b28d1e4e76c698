/* Inside scan/: SMB, what is read of shares and written to them: versions 2 and 3 ([MS-SMB2]) and 1
 * ([MS-CIFS], [MS-SMB]), behind the four bytes of a NetBIOS session (RFC 1002, 4.3; [MS-SMB2] 2.1).
 * A file is put together by the offsets of what passes and told when it is closed. */
#pragma once

#include "scan/pieces.h"

#define SMB_FILES_MAX 256u /* open at once in a conversation; the longest unused gives way */
#define SMB_TREES_MAX 16u
#define SMB_ASKED_MAX 256u /* questions that wait for their answer */

enum smb_state {
	SMB_LENGTH,  /* the four bytes before a message */
	SMB_MESSAGE, /* `left` bytes of it are to come */
	SMB_SEEK,    /* bytes are missing: the next thing that looks like a message is one */
};

struct smb_half {
	enum smb_state state;
	uint8_t head[8]; /* the four bytes; seeking: what came last */
	size_t head_len;
	uint32_t left;
	bool cut; /* the message lacks bytes at its end */
	struct body message;
};

struct smb_id { /* of an open file; version 1: two bytes, then zeros */
	uint8_t byte[16];
};

struct smb_tree { /* a share that is in use */
	bool asked, known, pipe;
	uint64_t key;
	uint64_t session;
	uint32_t number;
	char path[CARRY_NAME_BYTES];
};

struct smb_file {
	uint32_t number; /* ours, never again; 0: a free place */
	bool opened;     /* its id is known */
	bool ignored;    /* a pipe, a folder */
	bool wanted;     /* something was to be read or written */
	bool lost;       /* messages are missing that may have been about it */
	bool sized;
	uint64_t size; /* as the server said */
	struct smb_id id;
	char share[CARRY_NAME_BYTES], name[CARRY_NAME_BYTES];
	struct pieces data[2]; /* by who sent it: written, read */
	uint64_t used;
};

struct smb_asked {
	bool waits;
	uint64_t key; /* by which the answer is known */
	uint32_t file;
	uint64_t at;
};

struct smb_files { /* of one conversation; all zero is empty */
	struct smb_tree tree[SMB_TREES_MAX];
	struct smb_asked asked[SMB_ASKED_MAX];
	size_t trees, askeds; /* so far: the next place */
	struct smb_file *file;
	size_t files;
	uint32_t numbers;
	uint64_t clock;
};

struct smb { /* all zero but ends is a new one */
	const struct ends *ends;
	struct smb_half half[2];
	struct smb_files *files;      /* owned; NULL until there is a message */
	bool sealed, packed, lacking; /* each is told once */
	unsigned over;
};

/* Whether a conversation begins as this one; *ret_side: who speaks. Maybe: too short to tell. */
bool smb_begins(struct span s, enum side *ret_side);
bool smb_may_begin(struct span s);

/* ---- what passes, whatever the version; key: the number of a question and its answer ---- */

struct smb_now { /* what is being said */
	struct carry_shared *x;
	struct smb *smb;
	int64_t at_ns;
	bool cut; /* the message lacks bytes at its end */
};

/* [MS-SMB2]; [MS-CIFS]. message: from the protocol's mark on. */
void smb2_message(const struct smb_now *now, enum side side, struct span message);
void smb1_message(const struct smb_now *now, enum side side, struct span message);

/* Something from the server to the client that is of no file known. */
void smb_tell_unnamed(const struct smb_now *now, struct span bytes, const char *gap);
/* Bytes of the message at a place that it names; what the capture lacks of them is left out. */
struct span smb_part(struct span message, size_t at, size_t len);
/* text: UTF-16LE, or bytes as they are. */
void smb_text(char ret[static CARRY_NAME_BYTES], struct span text, bool wide);
void smb_tree_asked(const struct smb_now *now, uint64_t key, const char *path);
void smb_tree_got(
	const struct smb_now *now, uint64_t key, uint64_t session, uint32_t number, bool pipe);
/* Returns our number of the file; 0: no memory. */
uint32_t smb_open_asked(
	const struct smb_now *now, uint64_t key, uint64_t session, uint32_t tree, const char *name);
struct smb_opened {
	bool ok, folder;
	struct smb_id id;
	uint64_t size;
};
void smb_opened(const struct smb_now *now, uint64_t key, const struct smb_opened *o);
/* One that is not known is made. */
uint32_t smb_file_of(const struct smb_now *now, const struct smb_id *id);
void smb_read_asked(const struct smb_now *now, uint64_t key, uint32_t number, uint64_t at);
void smb_read(const struct smb_now *now, uint64_t key, struct span bytes);
void smb_write(const struct smb_now *now, uint32_t number, uint64_t at, struct span bytes);
void smb_close_asked(const struct smb_now *now, uint64_t key, uint32_t number);
void smb_closed(const struct smb_now *now, uint64_t key);

/* Messages are missing: of no file that is open it is known any more that it is whole. */
void smb_lost(struct smb_files *f);
/* The end: all that is open is told. */
void smb_tell_all(struct carry_shared *x, struct smb *s);
void smb_files_free(struct carry_shared *x, struct smb_files *f);
