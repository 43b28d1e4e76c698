/* The name in a server's certificate, where TLS 1.2 and before still show it (RFC 5246 7.4.2). The
 * DER is OpenSSL's. */
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "decode/text.h"
#include "decode/tls.h"

/* Writes the text if it can be a host's name. */
static bool take_name(const unsigned char *text, int len, char ret_name[static TLS_NAME_BYTES])
{
	text_host(ret_name, TLS_NAME_BYTES, (struct span){text, len > 0 ? (size_t)len : 0});
	if (text_is_name(ret_name) && !text_is_address(ret_name))
		return true;
	ret_name[0] = '\0';
	return false;
}

static bool alternative_name(const X509 *certificate, char ret_name[static TLS_NAME_BYTES])
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	bool found = false;
	for (int i = 0; !found && i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		if (name->type == GEN_DNS)
			found = take_name(ASN1_STRING_get0_data(name->d.dNSName),
				ASN1_STRING_length(name->d.dNSName), ret_name);
	}
	GENERAL_NAMES_free(names);
	return found;
}

static bool common_name(const X509 *certificate, char ret_name[static TLS_NAME_BYTES])
{
	const X509_NAME *subject = X509_get_subject_name(certificate);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	if (at < 0)
		return false;
	const ASN1_STRING *value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
	unsigned char *utf8 = NULL;
	int len = ASN1_STRING_to_UTF8(&utf8, value);
	bool found = len > 0 && take_name(utf8, len, ret_name);
	OPENSSL_free(utf8);
	return found;
}

bool tls_certificate_name(struct cur *c, char ret_name[static TLS_NAME_BYTES])
{
	ret_name[0] = '\0';
	c->fenced = true;
	struct cur list = text_block(c, (size_t)cur_be(c, 3));
	if (cur_ok(c) && list.len == 0)
		return true; /* none sent, as a client may */
	struct span der = cur_bytes(&list, (size_t)cur_be(&list, 3));
	if (!cur_ok(&list))
		cur_fail(c, list.state);
	if (!cur_ok(c))
		return false;
	const unsigned char *at = der.ptr;
	X509 *certificate = d2i_X509(NULL, &at, (long)der.len); /* at most 2^24 bytes */
	if (certificate == NULL) {
		cur_fail(c, CUR_BAD);
	} else if (!alternative_name(certificate, ret_name)) {
		(void)common_name(certificate, ret_name);
	}
	X509_free(certificate);
	ERR_clear_error(); /* a stranger's faults are not ours to keep */
	return certificate != NULL;
}
