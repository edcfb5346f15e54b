#include "CConfuse.h"

#include <confuse.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* libconfuse hands no pointer of ours to its callbacks. */
static cconfuse_sink sink_now;
static void *context_now;

static enum cconfuse_section section_of(const cfg_t *cfg) {
  if (!strcmp(cfg->name, "http")) return CCONFUSE_HTTP;
  if (!strcmp(cfg->name, "worker")) return CCONFUSE_WORKER;
  if (!strcmp(cfg->name, "log")) return CCONFUSE_LOG;
  if (!strcmp(cfg->name, "group")) return CCONFUSE_GROUP;
  if (!strcmp(cfg->name, "journal")) return CCONFUSE_JOURNAL;
  if (!strcmp(cfg->name, "logs")) return CCONFUSE_LOGS;
  if (!strcmp(cfg->name, "filesystem")) return CCONFUSE_FILESYSTEM;
  if (!strcmp(cfg->name, "ram_filesystems")) return CCONFUSE_RAM_FILESYSTEMS;
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

#define VALUE(name) CFG_STR_CB(name, NULL, CFGF_NODEFAULT, on_value)
#define LIST(name) CFG_STR_LIST_CB(name, NULL, CFGF_NODEFAULT, on_value)

int cconfuse_parse(const char *text, size_t length, cconfuse_sink sink, void *context) {
  cfg_opt_t http[] = {VALUE("listen"),     VALUE("allow_remote"), VALUE("socket"),
                      VALUE("token_file"), LIST("allowed_hosts"), CFG_END()};
  cfg_opt_t worker[] = {VALUE("comm"),        VALUE("exe"),     VALUE("cmdline"),       VALUE("pidfile"), VALUE("user"),
                        VALUE("cgroup"),      VALUE("parent"),  VALUE("metric"),        VALUE("of"),      VALUE("soft"),
                        VALUE("hard"),        VALUE("hold"),    VALUE("clear"),         VALUE("cooldown"),
                        VALUE("backoff"),     VALUE("backoff_max"), VALUE("budget"),    VALUE("observe"), LIST("run"),
                        LIST("restart"),      VALUE("respawn"), VALUE("stop_signal"),   VALUE("grace"),
                        VALUE("start_timeout"), LIST("recycle_when"), LIST("window"), VALUE("only_when"),
                        VALUE("minimum_life"), VALUE("postpone"), VALUE("health"), VALUE("health_after"),
                        VALUE("health_below"), VALUE("output"), VALUE("output_ring"), VALUE("output_budget"),
                        CFG_END()};
  cfg_opt_t group[] = {LIST("workers"), VALUE("at_once"), VALUE("healthy"), CFG_END()};
  cfg_opt_t log[] = {VALUE("budget"),   VALUE("keep"),     VALUE("method"),         VALUE("observe"),
                     VALUE("archive"),  VALUE("archive_keep"), VALUE("archive_budget"), VALUE("gzip"),
                     VALUE("wear"),     LIST("reopen"),    VALUE("reopen_timeout"), VALUE("create"),
                     VALUE("redirect"), VALUE("ring"),     CFG_END()};
  cfg_opt_t journal[] = {VALUE("file"), VALUE("budget"), VALUE("events"), CFG_END()};
  cfg_opt_t logs[] = {VALUE("budget"), VALUE("each"),    VALUE("keep"), VALUE("method"),
                      VALUE("observe"), LIST("protect"), CFG_END()};
  cfg_opt_t filesystem[] = {VALUE("budget"), VALUE("observe"), CFG_END()};
  cfg_opt_t ram_filesystems[] = {VALUE("budget"), VALUE("available_below"), VALUE("pressure"), VALUE("observe"),
                                 CFG_END()};
  const cfg_flag_t titled = CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES;
  cfg_opt_t top[] = {VALUE("interval"),
                     VALUE("observe"),
                     LIST("protect"),
                     VALUE("oom_score_adj"),
                     VALUE("state"),
                     CFG_FUNC("include", on_include),
                     CFG_SEC("http", http, CFGF_NONE),
                     CFG_SEC("worker", worker, titled),
                     CFG_SEC("log", log, titled),
                     CFG_SEC("group", group, titled),
                     CFG_SEC("logs", logs, titled),
                     CFG_SEC("filesystem", filesystem, titled),
                     CFG_SEC("ram_filesystems", ram_filesystems, CFGF_NONE),
                     CFG_SEC("journal", journal, CFGF_NONE),
                     CFG_END()};

  /* A stream over the text, not cfg_parse(path): no tilde expansion (CVE-2022-40320), no read error inside the lexer,
   * which would end the process. */
  FILE *stream = fmemopen((void *)text, length, "r");
  if (!stream) return -ENOMEM;
  cfg_t *cfg = cfg_init(top, CFGF_NONE);
  if (!cfg) {
    fclose(stream);
    return -ENOMEM;
  }
  sink_now = sink;
  context_now = context;
  cfg_set_error_function(cfg, on_fault);
  cfg_set_validate_func(cfg, "http", on_end);
  cfg_set_validate_func(cfg, "worker", on_end);
  cfg_set_validate_func(cfg, "log", on_end);
  cfg_set_validate_func(cfg, "group", on_end);
  cfg_set_validate_func(cfg, "journal", on_end);
  cfg_set_validate_func(cfg, "logs", on_end);
  cfg_set_validate_func(cfg, "filesystem", on_end);
  cfg_set_validate_func(cfg, "ram_filesystems", on_end);
  int result = cfg_parse_fp(cfg, stream);
  if (result == CFG_SUCCESS) tell_empty_lists(cfg, cfg->line);
  cfg_free(cfg);
  fclose(stream);
  sink_now = NULL;
  context_now = NULL;
  return result == CFG_SUCCESS ? 0 : -1;
}
