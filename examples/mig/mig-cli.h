/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>
#include <libmig/mig.h>

/* The exit codes are what users script against: doc/cli.md. */
typedef enum {
  EXIT_COMPLETED = 0,
  EXIT_FAILED = 1,
  EXIT_USAGE = 2,
  EXIT_CANCELLED = 3,
  EXIT_UNKNOWN = 4,
  EXIT_ELSEWHERE = 5,
} ExitCode;

/* What the command line says. */
typedef struct
{
  /* every command */
  char    *cluster;
  char    *store;
  char    *key;
  gboolean json;
  gboolean quiet;
  gboolean no_color;

  /* live-migrate */
  char    *from;
  char    *to;
  char    *mode;
  char    *disks;
  gboolean unsafe;
  double   max_downtime; /* seconds; -1 = not given, as all of these */
  gboolean keep_source_disks;
  double   deadline;
  gboolean post_copy;
  gboolean throttle;
  gint64   bandwidth; /* bytes per second */

  /* swap-volume, block-job */
  char    *on;
  gboolean reuse;
  char    *format;
  gint64   resize_to; /* bytes */
  gboolean verify;
  gboolean synchronous;
  double   time_limit;
  gint64   granularity; /* bytes */
  double   max_pause;
  gboolean abort;
  gboolean pivot;

  /* recover, wait */
  double   timeout;

  char   **arguments; /* what is not an option */
} Options;

typedef struct
{
  Options      *options;
  const char   *operation; /* of the operation that the lines are about, or NULL */
  gboolean      terminal;  /* standard error is one */
  gboolean      bar;       /* a progress bar stands on the current line */
  gboolean      several;   /* operations: lines for people say which one they are about */
  gboolean      tells;     /* what is written on standard output is all that the command is for */
  int           write_error; /* of the first line that could not be written there: an errno, or 0 */
  char         *said;      /* the last failure of a step that was told, or NULL: a result does not tell it again */
  gint64        last_text; /* when progress was last told in a plain line, or could be told otherwise */
} Output;

/* One command: its words, its options, and what runs it. */
typedef struct
{
  const char  *name;
  const char  *arguments; /* as the help shows them */
  const char  *summary;
  const char  *option_groups; /* letters: m live-migrate, s swap-volume, b block-job, o --on, t timeout, l bandwidth */
  ExitCode   (*run) (Options *options, Output *output);
} Command;

extern const Command commands[];
extern const guint   n_commands;

/* cli-options.c */
gboolean options_parse  (const Command  *command,
                         int            *argc,
                         char         ***argv,
                         Options        *options,
                         GError        **error);
void     options_clear  (Options        *options);
/* Of the options that may stand before the command. */
gboolean option_takes_value (const char *word);
gboolean parse_seconds  (const char     *text,
                         double         *seconds,
                         GError        **error);
gboolean parse_bytes    (const char     *text,
                         gint64         *bytes,
                         GError        **error);

gboolean read_choice    (const char         *option,
                         const char         *text,  /* or NULL: @choice stays */
                         const char *const  *words, /* in the order of the enumeration */
                         int                *choice,
                         GError            **error);

/* cli-session.c */
typedef enum {
  SESSION_READ,   /* what a store has, which is there, and may be on a file system that cannot be written */
  SESSION_ASK,    /* something of an operation; the store is there */
  SESSION_EVENTS, /* hypervisors will be asked; the store is there */
  SESSION_BEGIN,  /* hypervisors will be asked; a store that is not there is made */
} SessionKind;

/* Looks at all that can be wrong before the store is touched: the cluster file, and @hosts (to NULL), names or URIs.
 * NULL: it has been told why, and @code is set. */
MigCluster *session_open  (Options            *options,
                           Output             *output,
                           const char *const  *hosts,
                           SessionKind         kind,
                           ExitCode           *code);
void        session_close (MigCluster         *cluster);
ExitCode    fail          (Output             *output,
                           ExitCode            code,
                           const GError       *error);
ExitCode    code_of_error (const GError       *error);

/* cli-output.c */
void output_begin       (Output       *output,
                         Options      *options);
void output_message     (Output       *output,
                         const char   *format,
                         ...) G_GNUC_PRINTF (2, 3);
/* For people, on standard output. */
void output_line        (Output       *output,
                         const char   *format,
                         ...) G_GNUC_PRINTF (2, 3);
void output_event       (Output       *output,
                         const char   *event,
                         JsonObject   *fields);
void output_phase       (Output       *output,
                         MigPhase      old_phase,
                         MigPhase      new_phase,
                         guint         attempt);
void output_progress    (Output       *output,
                         MigProgress  *progress);
void output_step        (Output       *output,
                         const char   *step,
                         double        seconds,
                         const GError *error);
void output_decision    (Output       *output,
                         const char   *text,
                         GVariant     *inputs);
void output_result      (Output       *output,
                         const char   *status,
                         MigOperation *operation,
                         const GError *error);
/* Clears the options, too. */
ExitCode output_end     (Output       *output,
                         ExitCode      code);
void output_clear_bar   (Output       *output);
const char *enum_nick   (GType         type,
                         int           value);

/* cli-json.c */
char *json_line         (JsonObject   *object);
/* NULL, or a number below 0: null */
void set_text           (JsonObject   *object,
                         const char   *name,
                         const char   *text);
void set_texts          (JsonObject   *object,
                         const char   *name,
                         const char *const *texts);
void set_bytes          (JsonObject   *object,
                         const char   *name,
                         gint64        value);
void set_number         (JsonObject   *object,
                         const char   *name,
                         double        value);
void set_time           (JsonObject   *object,
                         const char   *name,
                         gint64        micros);
void set_error          (JsonObject   *object,
                         const GError *error);
void name_code          (JsonObject   *error);

/* cli-bar.c */
char *bar_text          (MigProgress  *progress,
                         guint         columns); /* that it may have; 0: any number, and no bar */
char *bytes_text        (gint64        bytes);

/* cli-run.c */
typedef struct _Drive Drive;

Drive        *drive_new         (Output       *output,
                                 MigCluster   *cluster, /* taken */
                                 gboolean      waiting, /* for what others run */
                                 double        timeout); /* seconds; -1 = none */
/* Cancelled when time is up, or a signal has come. */
GCancellable *drive_get_stopped (Drive        *self);
void          drive_add         (Drive        *self,
                                 MigOperation *operation);
gboolean      drive_has         (Drive        *self,
                                 const char   *id);
/* Of operations that have been carried to an end: not those that are somebody else's, or were left. */
guint         drive_get_n_ended (Drive        *self);
/* Something else is to be waited for, that ends soon once it is stopped. */
void          drive_hold        (Drive        *self);
void          drive_release     (Drive        *self);
void          drive_join        (Drive        *self,
                                 ExitCode      code);
/* Until all has ended, or has been left; the results have been told then. */
void          drive_run         (Drive        *self);
ExitCode      drive_end         (Drive        *self);
/* All of this for one operation. */
ExitCode      run_operation     (Output       *output,
                                 MigCluster   *cluster,   /* taken */
                                 MigOperation *operation, /* taken */
                                 gboolean      waiting,
                                 double        timeout);
ExitCode      exit_code_join    (ExitCode      one,
                                 ExitCode      other);

/* cli-show.c */
ExitCode      list              (Options      *options,
                                 Output       *output);
ExitCode      show              (Options      *options,
                                 Output       *output);
/* By its id, or by --key; the caller frees it. */
char         *dup_operation_id  (Options      *options,
                                 MigCluster   *cluster,
                                 GError      **error);
/* Its record cannot be read: it has nothing but an id and an error. */
gboolean      is_damaged        (MigOperationInfo *info);

/* cli-recover.c */
ExitCode      recover           (Options      *options,
                                 Output       *output);
