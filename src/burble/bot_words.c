/* Text of a message as words (V71: data, never code), and output of programs as text. */
#include "burble/bot.h"

#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* One word from *at; what it becomes is written to out. False: a quote is not closed. */
static bool take_word(struct slice text, size_t *at, char **out)
{
    char quote = '\0';
    while (*at < text.len && (quote != '\0' || !is_space(text.ptr[*at]))) {
        char c = text.ptr[(*at)++];
        if (c == '\\' && quote != '\'' && *at < text.len)
            *(*out)++ = text.ptr[(*at)++];
        else if (quote == '\0' && (c == '\'' || c == '"'))
            quote = c;
        else if (c == quote)
            quote = '\0';
        else
            *(*out)++ = c;
    }
    *(*out)++ = '\0';
    return quote == '\0';
}

bool bot_words_split(struct slice text, struct bot_words *out)
{
    *out = (struct bot_words){.argv = mem_array(BOT_WORDS_MAX + 1, sizeof(char *)),
                              .memory = mem_alloc(text.len + 2)};
    char *to = out->memory;
    size_t at = 0;
    for (;;) {
        while (at < text.len && is_space(text.ptr[at]))
            at++;
        if (at == text.len)
            return true;
        if (out->count == BOT_WORDS_MAX)
            return false;
        out->argv[out->count++] = to;
        if (!take_word(text, &at, &to))
            return false;
    }
}

void bot_words_free(struct bot_words *w)
{
    mem_free(w->argv);
    mem_free(w->memory);
    *w = (struct bot_words){0};
}

void bot_clean(struct slice in, struct buf *out)
{
    while (in.len > 0 && is_space(in.ptr[in.len - 1]))
        in.len--;
    for (size_t i = 0; i < in.len;) {
        uint32_t code;
        int n = utf8_decode(slice_from(in, i), &code);
        bool good = n > 0 && code != 0xfffe && code != 0xffff &&
                    (code >= 0x20 || code == '\t' || code == '\n');
        if (good)
            (void)buf_append(out, in.ptr + i, (size_t)n);
        else if (in.ptr[i] != '\r' && in.ptr[i] != '\x1b')
            (void)buf_lit(out, "\xef\xbf\xbd");
        i += n > 0 ? (size_t)n : 1;
    }
    (void)buf_byte(out, '\0');
}

int bot_reply(struct session *s, const char *to, enum burble_message_type type, const char *body)
{
    struct burble_message_options o = {.type = type};
    int err = burble_say(s->client, to, body, &o, NULL, NULL);
    if (err != 0)
        out_error("the answer to %s was not sent: %s", to, burble_error_text(err));
    return err;
}
