/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libmig/block/mig-block-sight-private.h"
#include "libmig/core/mig-waiter-private.h"

G_BEGIN_DECLS

/* Listens to what the driver tells of one disk's job, wakes a waiter, and says how long to wait before asking. What
 * it heard is a hint: READY may be acted upon, for a pivot that comes too early is refused; everything else is looked
 * at. */

typedef struct _MigBlockWatch MigBlockWatch;

/* @ref must name the domain by its UUID: events do. */
MigBlockWatch *mig_block_watch_new           (const MigBlockRef *ref,
                                              MigWaiter         *waiter);
void           mig_block_watch_free          (MigBlockWatch     *self);
MigBlockWord   mig_block_watch_get_word      (MigBlockWatch     *self);

/* A job that is seen has not ended: what was heard before the look is of the one before it. To be counted before the
 * look, and forgotten after it, unless more has been heard since. */
guint          mig_block_watch_count_words   (MigBlockWatch     *self);
void           mig_block_watch_forget_words  (MigBlockWatch     *self,
                                              guint              n_words);

/* How many seconds to wait for news before the next look, after one that showed @fraction (0 to 1, -1: unknown) of
 * the job, and whether it is ready. */
double         mig_block_watch_next_interval (MigBlockWatch     *self,
                                              double             fraction,
                                              gboolean           ready);

/* An end was seen whose kind only an event can tell: for how many more seconds that may still be on its way; 0 when
 * it has been waited for. */
double         mig_block_watch_await_word    (MigBlockWatch     *self);

/* The rule behind mig_block_watch_next_interval(), to be tested: @last is what it gave before, 0 the first time;
 * @elapsed the seconds since then. */
double         mig_block_poll_interval       (double             last,
                                              double             elapsed,
                                              double             fraction,
                                              gboolean           ready,
                                              gboolean           has_events);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MigBlockWatch, mig_block_watch_free)

G_END_DECLS
