/* The BIO between OpenSSL and a wire: reads from the slice that is being fed and appends to the
 * buffer that is being filled, so an idle connection holds neither. */
#include <openssl/bio.h>
#include <openssl/crypto.h>

#include "wire/tls_inside.h"

static BIO_METHOD *method;
static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;

static int bio_read(BIO *bio, char *into, size_t cap, size_t *got_out)
{
    struct tls *t = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    *got_out = 0;
    if (t->flooded)
        return 0; /* an end: nothing more is processed */
    if (t->source.len == 0) {
        t->starved = true;
        BIO_set_retry_read(bio);
        return 0;
    }
    size_t n = cap < t->source.len ? cap : t->source.len;
    memcpy(into, t->source.ptr, n);
    t->source = slice_from(t->source, n);
    *got_out = n;
    return 1;
}

static int bio_write(BIO *bio, const char *data, size_t len, size_t *wrote_out)
{
    struct tls *t = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    *wrote_out = 0;
    if (t->down == NULL || buf_append(t->down, data, len) != 0) {
        t->out_of_memory = true;
        return 0;
    }
    *wrote_out = len;
    return 1;
}

static long bio_control(BIO *bio, int command, long number, void *data)
{
    (void)bio, (void)number, (void)data;
    return command == BIO_CTRL_FLUSH || command == BIO_CTRL_DUP ? 1 : 0;
}

static void make_method(void)
{
    method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "wire");
    if (method == NULL || BIO_meth_set_read_ex(method, bio_read) != 1 ||
        BIO_meth_set_write_ex(method, bio_write) != 1 ||
        BIO_meth_set_ctrl(method, bio_control) != 1) {
        BIO_meth_free(method);
        method = NULL;
    }
}

BIO *tls_bio_new(struct tls *t)
{
    if (CRYPTO_THREAD_run_once(&once, make_method) != 1 || method == NULL)
        return NULL;
    BIO *bio = BIO_new(method);
    if (bio == NULL)
        return NULL;
    BIO_set_data(bio, t);
    BIO_set_init(bio, 1);
    return bio;
}

struct tls *tls_of(const SSL *ssl)
{
    /* The handshake may put a buffer in front of the BIO for writing, never of the one for
     * reading. */
    return BIO_get_data(SSL_get_rbio(ssl));
}
