/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What is logged, and at which level:
 *   debug    one line per step
 *   info     one line per phase
 *   message  one line per operation
 *   warning  something is degraded, and handled
 * A programmer's mistake is g_critical(). Logs are for people: whatever a program has to act on is a signal or a line
 * of the journal. No secrets, and no whole domain XML above debug. */

/* Fixed for ever, so that an operator's queries keep working. */
#define MIG_LOG_ID_PHASE_CHANGED   "fa07394cc35f4f07854104b21b99e240"
#define MIG_LOG_ID_ROLLED_BACK     "28b58276a97c4de0877250935178c71a"
#define MIG_LOG_ID_RECOVERED       "bd50533f65a54896aaa59ab3e887a7c8"
#define MIG_LOG_ID_CONTRACT_BROKEN "e1c740a11bd943b3a4c38470d89dd731"

/* The fields that go with a line; any of them may be NULL, and so may the pointer to the whole. */
typedef struct
{
  const char *message_id; /* MESSAGE_ID: one of MIG_LOG_ID_… */
  const char *operation;  /* MIG_TASK_ID */
  const char *step;       /* MIG_STEP */
  const char *phase;      /* MIG_PHASE */
  const char *domain;     /* MIG_DOMAIN: the guest or the volume */
} MigLogFields;

void mig_log (GLogLevelFlags      level,
              const MigLogFields *fields,
              const char         *file,
              const char         *line,
              const char         *func,
              const char         *format,
              ...) G_GNUC_PRINTF (6, 7);

#define MIG_LOG_AT(level, fields, ...) \
  mig_log ((level), (fields), __FILE__, G_STRINGIFY (__LINE__), G_STRFUNC, __VA_ARGS__)

#define mig_log_debug(fields, ...)   MIG_LOG_AT (G_LOG_LEVEL_DEBUG, fields, __VA_ARGS__)
#define mig_log_info(fields, ...)    MIG_LOG_AT (G_LOG_LEVEL_INFO, fields, __VA_ARGS__)
#define mig_log_message(fields, ...) MIG_LOG_AT (G_LOG_LEVEL_MESSAGE, fields, __VA_ARGS__)
#define mig_log_warning(fields, ...) MIG_LOG_AT (G_LOG_LEVEL_WARNING, fields, __VA_ARGS__)

G_END_DECLS
