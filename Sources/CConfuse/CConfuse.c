#include "CConfuse.h"

#include <confuse.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libconfuse hands no pointer of ours to its callbacks. */
static cconfuse_sink sink_now;
static void *context_now;
static const cfg_opt_t *top_now;

/* The top's keys, then a line for each section in the order of enum cconfuse_section: its name, behind a * if each has a
 * title, and its keys. A key behind a + is a list. Text, because tables of options are larger and full of pointers, which
 * a position-independent program must correct at each start, in pages of its own. */
static const char grammar[] =
    "interval observe +protect oom_score_adj state\n"
    "http listen allow_remote socket token_file +allowed_hosts\n"
    "*worker comm exe cmdline pidfile user cgroup parent metric of soft hard hold clear cooldown backoff backoff_max"
    " budget observe +run +restart respawn stop_signal grace start_timeout +recycle_when +window only_when minimum_life"
    " postpone +steps step_timeout health health_after health_below output output_ring output_budget\n"
    "*log budget keep method observe archive archive_keep archive_budget gzip wear +reopen reopen_timeout create redirect"
    " ring\n"
    "*logs budget each keep method observe +protect\n"
    "*filesystem budget observe\n"
    "ram_filesystems budget available_below pressure observe\n"
    "*group +workers at_once healthy\n"
    "journal file budget events\n";

/* The sections among the options of the top are in that order too. */
static enum cconfuse_section section_of(const cfg_t *cfg) {
  int section = CCONFUSE_TOP;
  for (const cfg_opt_t *opt = top_now; opt->name; opt++)
    if (opt->type == CFGT_SEC && (section++, !strcmp(cfg->name, opt->name))) return (enum cconfuse_section)section;
  return CCONFUSE_TOP;
}

static void tell(enum cconfuse_kind kind, const cfg_t *cfg, const char *key, unsigned index, const char *value,
                 int line) {
  struct cconfuse_event event = {kind, section_of(cfg), cfg->title, key, value, index, line};
  sink_now(context_now, &event);
}

/* cfg_callback_t: the value is told on, and libconfuse keeps an empty string. */
static int on_value(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result) {
  tell(CCONFUSE_VALUE, cfg, opt->name, opt->nvalues ? opt->nvalues - 1 : 0, value, cfg->line);
  *(const char **)result = "";
  return 0;
}

static void tell_empty_lists(const cfg_t *cfg, int line) {
  for (const cfg_opt_t *opt = cfg->opts; opt->name; opt++)
    if (opt->type == CFGT_STR && (opt->flags & CFGF_MODIFIED) && !opt->nvalues)
      tell(CCONFUSE_EMPTY, cfg, opt->name, 0, NULL, line);
}

/* cfg_validate_callback_t, called behind the closing brace: a section just read is the last of its kind, because equal
 * titles are refused. */
static int on_end(cfg_t *cfg, cfg_opt_t *opt) {
  const cfg_t *section = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);
  if (!section) return -1;
  tell_empty_lists(section, cfg->line);
  tell(CCONFUSE_END, section, NULL, 0, NULL, cfg->line);
  return 0;
}

/* cfg_func_t. */
static int on_include(cfg_t *cfg, cfg_opt_t *opt, int argc, const char **argv) {
  for (int i = 0; i < argc; i++) tell(CCONFUSE_INCLUDE, cfg, opt->name, (unsigned)i, argv[i], cfg->line);
  return 0;
}

static void on_fault(cfg_t *cfg, const char *format, va_list arguments) {
  char sentence[256];
  vsnprintf(sentence, sizeof sentence, format, arguments);
  tell(CCONFUSE_FAULT, cfg, NULL, 0, sentence, cfg->line);
}

/* Makes options of the words up to the end of the line; returns where the next line begins. */
static char *add_keys(char *word, cfg_opt_t **opt) {
  for (char end = ' '; end != '\n';) {
    bool is_list = *word == '+';
    word += is_list;
    *(*opt)++ = (cfg_opt_t){
      .name = word, .type = CFGT_STR, .flags = CFGF_NODEFAULT | (is_list ? CFGF_LIST : CFGF_NONE), .parsecb = on_value};
    word += strcspn(word, " \n");
    end = *word;
    *word++ = 0;
  }
  return word;
}

/* The grammar as libconfuse wants it, in one allocation; NULL without memory. Zeros end a list of options. */
static cfg_opt_t *make_options(void) {
  size_t keys = 0, lines = 0;
  for (const char *c = grammar; *c; c++) {
    keys += *c == ' ';
    lines += *c == '\n';
  }
  size_t count = keys + 2 * lines + 1;
  cfg_opt_t *top = calloc(1, count * sizeof *top + sizeof grammar), *opt = top;
  if (!top) return NULL;
  char *line = add_keys(memcpy(top + count, grammar, sizeof grammar), &opt);
  *opt++ = (cfg_opt_t){.name = "include", .type = CFGT_FUNC, .func = on_include};
  cfg_opt_t *section = opt;
  opt += lines;
  while (*line) {
    bool has_title = *line == '*';
    *section++ = (cfg_opt_t){
      .name = line + has_title, .type = CFGT_SEC, .subopts = opt, .validcb = on_end,
      .flags = has_title ? CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES : CFGF_NONE};
    line += strcspn(line, " ");
    *line++ = 0;
    line = add_keys(line, &opt);
    opt++;
  }
  return top;
}

int cconfuse_parse(const char *text, size_t length, cconfuse_sink sink, void *context) {
  /* A stream over the text, not cfg_parse(path): no tilde expansion (CVE-2022-40320), no read error inside the lexer,
   * which would end the process. */
  FILE *stream = fmemopen((void *)text, length, "r");
  if (!stream) return -ENOMEM;
  cfg_opt_t *top = make_options();
  cfg_t *cfg = top ? cfg_init(top, CFGF_NONE) : NULL;
  if (!cfg) {
    free(top);
    fclose(stream);
    return -ENOMEM;
  }
  top_now = top;
  sink_now = sink;
  context_now = context;
  cfg_set_error_function(cfg, on_fault);
  int result = cfg_parse_fp(cfg, stream);
  if (result == CFG_SUCCESS) tell_empty_lists(cfg, cfg->line);
  cfg_free(cfg);
  free(top);
  fclose(stream);
  sink_now = NULL;
  context_now = NULL;
  top_now = NULL;
  return result == CFG_SUCCESS ? 0 : -1;
}
