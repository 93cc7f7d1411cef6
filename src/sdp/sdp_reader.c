/*
 * Reads a description in two steps. First every line in its turn: order, syntax, and the values of
 * known attributes, kept as ranges of the text, one level for the session and one for each m=
 * section. Then the whole: which section is ours, which value counts there, what is missing.
 * Only when nothing is wrong is the result written.
 *
 *     session level        v= o= s= ... t= a=*
 *       section 0          m=audio ...            rejected by us, in place
 *       section 1          m=application ...      the data section: the first that is not rejected
 *
 * A value of the section counts before one of the session. A section that is bundled, but is not
 * the first of its group, may leave its transport to that first one, the tagged section (RFC 9143
 * section 7.1): so that one is asked in between.
 */
#include "sdp/sdp_internal.h"
#include "sdp/text_internal.h"

static struct hws_sdp_level *current_level(struct hws_sdp_draft *draft)
{
    if (draft->section_count == 0) return &draft->session;
    return &draft->sections[draft->section_count - 1].level;
}

static enum hws_sdp_flaw open_section(struct hws_sdp_draft *draft, struct hws_bytes line)
{
    struct hws_sdp_section section = {
        .level = {.lines = line, .first_line = draft->line}
    };
    enum hws_sdp_flaw flaw = hws_sdp_read_mline(hws_text_after(line, 2), &section.m);

    if (flaw) return flaw;
    if (draft->section_count == HWS_MEDIA_MAX) {
        draft->is_over_limit = true;
        return HWS_SDP_E_MLINE;
    }
    draft->sections[draft->section_count++] = section;
    return HWS_SDP_SOUND;
}

/* RFC 5888 section 4: a mid is unique in its description. */
static bool is_mid_taken(const struct hws_sdp_draft *draft)
{
    struct hws_bytes mid = hws_sdp_mid_of(&draft->sections[draft->section_count - 1]);

    for (size_t i = 0; mid.data && i + 1 < draft->section_count; i++) {
        if (hws_bytes_equal(hws_sdp_mid_of(&draft->sections[i]), mid)) return true;
    }
    return false;
}

static enum hws_sdp_flaw read_attribute(struct hws_sdp_draft *draft, struct hws_bytes value)
{
    bool in_media = draft->section_count > 0;
    enum hws_sdp_flaw flaw = hws_sdp_add_attribute(current_level(draft), in_media, value);

    if (flaw == HWS_SDP_SOUND && in_media && is_mid_taken(draft)) flaw = HWS_SDP_E_MID;
    return flaw;
}

/* RFC 8866 section 5: a letter, "=", and a value that begins with no space but in s= lines. */
static enum hws_sdp_flaw check_form(struct hws_bytes line)
{
    if (hws_text_find(line, '\0') < line.len) return HWS_SDP_E_NUL;
    if (hws_text_find(line, '\r') < line.len) return HWS_SDP_E_LINE;
    if (line.len < 3 || line.data[1] != '=' || !hws_sdp_is_letter(line.data[0]))
        return HWS_SDP_E_LINE;
    if ((line.data[2] == ' ' || line.data[2] == '\t') && line.data[0] != 's') return HWS_SDP_E_LINE;
    return HWS_SDP_SOUND;
}

static enum hws_sdp_flaw read_line(struct hws_sdp_draft *draft, struct hws_bytes line)
{
    enum hws_sdp_flaw flaw = check_form(line);
    struct hws_bytes value;
    uint8_t letter;

    if (flaw) return flaw;
    letter = line.data[0];
    if (!hws_sdp_may_follow(draft->section_count > 0, draft->last, letter)) return HWS_SDP_E_ORDER;
    draft->last = letter;
    value = hws_text_after(line, 2);
    if (letter == 'm') return open_section(draft, line);
    if (letter == 'a') return read_attribute(draft, value);
    if (letter == 'o')
        return hws_sdp_read_origin(value, &draft->session_id, &draft->session_version);
    if (letter == 'c') current_level(draft)->connection = true;
    return hws_sdp_check_line(letter, value);
}

/* Levels keep the text from their first line on; cut it to where the next one begins. */
static void end_level(struct hws_sdp_level *level, const uint8_t *end)
{
    level->lines.len = (size_t)(end - level->lines.data);
}

static enum hws_sdp_flaw read_lines(struct hws_sdp_draft *draft, struct hws_bytes text)
{
    struct hws_bytes rest = text, line;

    draft->session.lines = text;
    while (hws_sdp_next_line(&rest, &line)) {
        struct hws_sdp_level *before = current_level(draft);
        size_t count = draft->section_count;
        enum hws_sdp_flaw flaw;

        draft->line++;
        flaw = read_line(draft, line);
        if (flaw) return flaw;
        if (draft->section_count > count) end_level(before, line.data);
    }
    if (draft->section_count > 0) {
        end_level(current_level(draft), text.data + text.len);
        return HWS_SDP_SOUND;
    }
    /* Did it stop where an m= line could have followed? */
    draft->line = 0;
    return hws_sdp_may_follow(false, draft->last, 'm') ? HWS_SDP_E_NO_DATA : HWS_SDP_E_ORDER;
}

enum hws_err hws_sdp_read(struct hws_bytes text, enum hws_sdp_type type, struct hws_sdp *out,
                          struct hws_sdp_error *error)
{
    struct hws_sdp_draft draft = {.type = type};
    struct hws_sdp_finding finding = {0};
    enum hws_sdp_flaw flaw;

    if (text.len > HWS_DESCRIPTION_MAX) {
        if (error) *error = (struct hws_sdp_error){.flaw = HWS_SDP_E_LINE};
        return HWS_ERR_TOO_BIG;
    }
    flaw = read_lines(&draft, text);
    if (!flaw) flaw = hws_sdp_check_draft(&draft, &finding);
    if (flaw) {
        if (error) *error = (struct hws_sdp_error){.flaw = flaw, .line = draft.line};
        return draft.is_over_limit ? HWS_ERR_TOO_BIG : HWS_ERR_MALFORMED;
    }
    hws_sdp_fill(&draft, &finding, out);
    return HWS_OK;
}
