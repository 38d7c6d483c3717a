/* SPDX-License-Identifier: LGPL-2.1-or-later */

#define LIVE_CRASH_QUICK

#include "test-live-crash.c"
