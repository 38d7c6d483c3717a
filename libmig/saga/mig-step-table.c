/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/saga/mig-step-private.h"

static const char *
find_flaw (const MigStepTable *self,
           guint               index,
           gboolean            decided)
{
  const MigStep *step = &self->steps[index];
  gboolean pure = (step->flags & MIG_STEP_PURE) != 0;
  gboolean decides = (step->flags & MIG_STEP_DECIDES) != 0;
  gboolean forward = (step->flags & MIG_STEP_FORWARD) != 0;

  if (step->id == NULL || strchr (step->id, '.') == NULL)
    return "its id is not of the form area.verb";
  for (guint i = 0; i < index; i++)
    {
      if (g_str_equal (self->steps[i].id, step->id))
        return "its id is there twice";
    }
  if (step->run == NULL)
    return "it does nothing";
  if (index > 0 && step->phase < self->steps[index - 1].phase)
    return "its phase comes before that of the step before";
  if (pure && (step->undo != NULL || step->probe != NULL || decides || forward))
    return "it is pure, and yet has an effect";
  if (decides && (decided || step->probe == NULL || step->undo == NULL))
    return "it decides, and is not the only one, or can't be probed, or can't be undone";
  if (forward != (decided && !pure))
    return forward ? "it only goes forward before the decision" : "it can be undone after the decision";
  if (forward && step->undo != NULL)
    return "it only goes forward, and has an undo";
  if (!pure && !forward && step->undo == NULL)
    return "it has an effect, and no undo";
  if ((step->flags & MIG_STEP_SETTLES) != 0 && step->probe == NULL)
    return "it settles, and can't be probed";

  return NULL;
}

gboolean
mig_step_table_check (const MigStepTable  *self,
                      GError             **error)
{
  gboolean decided = FALSE;
  guint weight = 0;

  for (guint i = 0; i < self->n_steps; i++)
    {
      const MigStep *step = &self->steps[i];
      const char *flaw = find_flaw (self, i, decided);

      if (flaw != NULL)
        {
          g_set_error (error, MIG_ERROR, MIG_ERROR_FAILED, "%s, step %u (%s): %s", self->kind, i,
                       step->id != NULL ? step->id : "?", flaw);
          return FALSE;
        }
      decided = decided || (step->flags & MIG_STEP_DECIDES) != 0;
      weight += step->weight;
    }

  if (weight > 0 && self->revision > 0)
    return TRUE;

  g_set_error (error, MIG_ERROR, MIG_ERROR_FAILED, "%s: it has no weight, or no revision", self->kind);

  return FALSE;
}
