/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The guard between the library and implementers, by itself and around a store that breaks its contract. */

#include "config.h"

#include <libmig/mig-error.h>
#include <libmig/mig-state-store.h>

#include "libmig/core/mig-log-private.h"
#include "libmig/iface/mig-contract-private.h"

#include "mig-test.h"

/* A store that answers whatever the test told it to. */
#define TEST_TYPE_STORE (test_store_get_type ())
G_DECLARE_FINAL_TYPE (TestStore, test_store, TEST, STORE, GObject)

struct _TestStore
{
  GObject parent_instance;

  const char *name;
  guint n_names;
  const char * const *keys; /* of the records that get (the first) and list return */
  guint64 revision;
  GError *error;
};

static void test_store_init_iface (MigStateStoreInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (TestStore, test_store, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (MIG_TYPE_STATE_STORE, test_store_init_iface))

/* One that fills no slot. */
#define TEST_TYPE_EMPTY_STORE (test_empty_store_get_type ())
G_DECLARE_FINAL_TYPE (TestEmptyStore, test_empty_store, TEST, EMPTY_STORE, GObject)

struct _TestEmptyStore
{
  GObject parent_instance;
};

static void test_empty_store_init_iface (MigStateStoreInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (TestEmptyStore, test_empty_store, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (MIG_TYPE_STATE_STORE, test_empty_store_init_iface))

static void
set_error (TestStore  *self,
           GError    **error)
{
  if (self->error != NULL)
    g_propagate_error (error, g_error_copy (self->error));
}

static const char *
get_name (MigStateStore *store)
{
  TestStore *self = TEST_STORE (store);

  self->n_names++;

  return self->name;
}

static MigRecord *
get (MigStateStore  *store,
     const char     *key,
     GCancellable   *cancellable,
     GError        **error)
{
  TestStore *self = TEST_STORE (store);

  set_error (self, error);

  return self->keys != NULL ? mig_record_new (self->keys[0], 1, "value") : NULL;
}

static GPtrArray *
list (MigStateStore  *store,
      const char     *prefix,
      const char     *after,
      guint           limit,
      GCancellable   *cancellable,
      GError        **error)
{
  TestStore *self = TEST_STORE (store);
  g_autoptr (GPtrArray) records = g_ptr_array_new_with_free_func ((GDestroyNotify) mig_record_unref);

  set_error (self, error);
  for (gsize i = 0; self->keys != NULL && self->keys[i] != NULL; i++)
    g_ptr_array_add (records, mig_record_new (self->keys[i], 1, "value"));

  return self->keys != NULL ? g_steal_pointer (&records) : NULL;
}

static guint64
commit (MigStateStore   *store,
        MigTransaction  *transaction,
        GCancellable    *cancellable,
        GError         **error)
{
  TestStore *self = TEST_STORE (store);

  set_error (self, error);

  return self->revision;
}

static void
test_store_init_iface (MigStateStoreInterface *iface)
{
  iface->get_name = get_name;
  iface->get = get;
  iface->list_records = list;
  iface->commit = commit;
}

static void
test_store_finalize (GObject *object)
{
  g_clear_error (&TEST_STORE (object)->error);

  G_OBJECT_CLASS (test_store_parent_class)->finalize (object);
}

static void
test_store_class_init (TestStoreClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = test_store_finalize;
}

static void
test_store_init (TestStore *self)
{
}

static void
test_empty_store_init_iface (MigStateStoreInterface *iface)
{
}

static void
test_empty_store_class_init (TestEmptyStoreClass *klass)
{
}

static void
test_empty_store_init (TestEmptyStore *self)
{
}

static guint n_warnings;
static char *warning;
static char *warning_id;

static GLogWriterOutput
remember (GLogLevelFlags   level,
          const GLogField *fields,
          gsize            n_fields,
          gpointer         user_data)
{
  if (level != G_LOG_LEVEL_WARNING)
    return G_LOG_WRITER_UNHANDLED;

  n_warnings++;
  for (gsize i = 0; i < n_fields; i++)
    {
      char **place = g_str_equal (fields[i].key, "MESSAGE") ? &warning
                     : g_str_equal (fields[i].key, "MESSAGE_ID") ? &warning_id : NULL;

      if (place != NULL)
        {
          g_free (*place);
          *place = g_strdup (fields[i].value);
        }
    }

  return G_LOG_WRITER_HANDLED;
}

static void
watch_log (void)
{
  n_warnings = 0;
  mig_test_set_log_writer (remember);
}

static void
forget_log (void)
{
  mig_test_set_log_writer (NULL);
  g_clear_pointer (&warning, g_free);
  g_clear_pointer (&warning_id, g_free);
}

START_TEST (failure_keeps_its_error)
{
  g_autoptr (TestStore) store = g_object_new (TEST_TYPE_STORE, NULL);
  g_autoptr (GError) error = NULL;

  store->error = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED, "given up");
  ck_assert_ptr_null (mig_state_store_get (MIG_STATE_STORE (store), "a", NULL, &error));
  mig_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  ck_assert_str_eq (error->message, "given up");
  ck_assert_uint_eq (n_warnings, 0);
}
END_TEST

START_TEST (failure_without_an_error_breaks_the_contract)
{
  g_autoptr (TestStore) object = g_object_new (TEST_TYPE_STORE, NULL);
  g_autoptr (MigTransaction) transaction = mig_transaction_new ();
  MigStateStore *store = MIG_STATE_STORE (object);
  g_autoptr (GError) error = NULL;

  ck_assert_ptr_null (mig_state_store_get (store, "a", NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_CONTRACT);
  ck_assert_str_eq (error->message, "TestStore: get failed without saying why");
  g_clear_error (&error);

  ck_assert_ptr_null (mig_state_store_list (store, "", NULL, 0, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_CONTRACT);
  g_clear_error (&error);

  ck_assert_uint_eq (mig_state_store_commit (store, transaction, NULL, &error), 0);
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_CONTRACT);

  /* The caller need not want to know. */
  ck_assert_uint_eq (mig_state_store_commit (store, transaction, NULL, NULL), 0);
}
END_TEST

START_TEST (error_beside_a_success_is_dropped_with_one_warning)
{
  const char * const keys[] = { "a", NULL };
  g_autoptr (TestStore) store = g_object_new (TEST_TYPE_STORE, NULL);

  store->keys = keys;
  store->error = g_error_new_literal (MIG_ERROR, MIG_ERROR_FAILED, "oh well");
  for (guint i = 0; i < 3; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (MigRecord) record = mig_state_store_get (MIG_STATE_STORE (store), "a", NULL, &error);

      mig_assert_no_error (error);
      ck_assert_ptr_nonnull (record);
    }

  ck_assert_uint_eq (n_warnings, 1);
  ck_assert_str_eq (warning_id, MIG_LOG_ID_CONTRACT_BROKEN);
  ck_assert_str_eq (warning, "TestStore: get succeeded, yet set an error, which is ignored: oh well");

  /* Each slot is warned about by itself. */
  g_ptr_array_unref (mig_state_store_list (MIG_STATE_STORE (store), "", NULL, 0, NULL, NULL));
  ck_assert_uint_eq (n_warnings, 2);
}
END_TEST

START_TEST (missing_slot_is_not_supported)
{
  g_autoptr (TestEmptyStore) object = g_object_new (TEST_TYPE_EMPTY_STORE, NULL);
  g_autoptr (MigTransaction) transaction = mig_transaction_new ();
  MigStateStore *store = MIG_STATE_STORE (object);
  g_autoptr (GError) error = NULL;

  ck_assert_ptr_null (mig_state_store_get (store, "a", NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_NOT_SUPPORTED);
  ck_assert_str_eq (error->message, "TestEmptyStore does not implement get");
  g_clear_error (&error);

  ck_assert_ptr_null (mig_state_store_list (store, "", NULL, 0, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_NOT_SUPPORTED);
  g_clear_error (&error);

  ck_assert_uint_eq (mig_state_store_commit (store, transaction, NULL, &error), 0);
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_NOT_SUPPORTED);

  ck_assert_str_eq (mig_state_store_get_name (store), "TestEmptyStore");
  ck_assert_int_eq (mig_state_store_get_features (store), MIG_STORE_FEATURES_NONE);
  ck_assert (!mig_contract_missing (store, "get", NULL));
}
END_TEST

START_TEST (name_is_asked_once_and_kept)
{
  g_autoptr (TestStore) store = g_object_new (TEST_TYPE_STORE, NULL);
  char name[] = "first";
  const char *given;

  store->name = name;
  given = mig_state_store_get_name (MIG_STATE_STORE (store));
  ck_assert_str_eq (given, "first");
  strcpy (name, "other");
  ck_assert_ptr_eq (mig_state_store_get_name (MIG_STATE_STORE (store)), given);
  ck_assert_str_eq (given, "first");
  ck_assert_uint_eq (store->n_names, 1);
}
END_TEST

static const char * const bad_names[] = { NULL, "", "\xff" };

START_TEST (bad_name_is_replaced)
{
  g_autoptr (TestStore) store = g_object_new (TEST_TYPE_STORE, NULL);

  store->name = bad_names[_i];
  ck_assert_str_eq (mig_state_store_get_name (MIG_STATE_STORE (store)), "TestStore");
}
END_TEST

typedef struct
{
  const char *keys[4];
  const char *prefix;
  const char *after;
  guint limit;
  const char *message; /* NULL: the list is as it should be */
} ListRow;

static const ListRow lists[] = {
  { { NULL }, "a", NULL, 0, NULL },
  { { "a", "a/b", "b" }, "", NULL, 3, NULL },
  { { "b", "a" }, "", NULL, 0, "TestStore: list_records returned “a” after “b”" },
  { { "a", "a" }, "", NULL, 0, "TestStore: list_records returned “a” after “a”" },
  { { "a/1", "b/1" }, "a/", NULL, 0, "TestStore: list_records returned “b/1”, which does not begin with “a/”" },
  { { "a/1", "a/2" }, "a/", "a/1", 0, "TestStore: list_records returned “a/1” after “a/1”" },
  { { "a", "b", "c" }, "", NULL, 2, "TestStore: list_records returned 3 records, at most 2 were wanted" },
};

START_TEST (list_is_looked_through)
{
  const ListRow *row = &lists[_i];
  g_autoptr (TestStore) store = g_object_new (TEST_TYPE_STORE, NULL);
  g_autoptr (GPtrArray) records = NULL;
  g_autoptr (GError) error = NULL;

  store->keys = row->keys;
  records = mig_state_store_list (MIG_STATE_STORE (store), row->prefix, row->after, row->limit, NULL, &error);
  if (row->message == NULL)
    {
      mig_assert_no_error (error);
      ck_assert_uint_eq (records->len, g_strv_length ((char **) row->keys));
      return;
    }

  ck_assert_ptr_null (records);
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_CONTRACT);
  ck_assert_str_eq (error->message, row->message);
}
END_TEST

static void
assert_refused (MigTransaction *transaction,
                const char     *name)
{
  g_autoptr (TestStore) store = g_object_new (TEST_TYPE_STORE, NULL);
  g_autoptr (GError) error = NULL;

  store->revision = 1;
  ck_assert_uint_eq (mig_state_store_commit (MIG_STATE_STORE (store), transaction, NULL, &error), 0);
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT);
  ck_assert_ptr_nonnull (strstr (error->message, name));
  ck_assert (g_utf8_validate (error->message, -1, NULL));
}

/* Bindings never pass such text; C does. */
START_TEST (what_is_not_text_is_refused)
{
  const char * const keys[] = { "a", NULL };
  g_autoptr (TestStore) store = g_object_new (TEST_TYPE_STORE, NULL);
  g_autoptr (MigTransaction) key = mig_transaction_new ();
  g_autoptr (MigTransaction) value = mig_transaction_new ();
  g_autoptr (MigTransaction) condition = mig_transaction_new ();
  g_autoptr (GError) error = NULL;

  store->keys = keys;
  ck_assert_ptr_null (mig_state_store_get (MIG_STATE_STORE (store), "b\xff", NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  ck_assert_ptr_null (mig_state_store_list (MIG_STATE_STORE (store), "b\xff", NULL, 0, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT);

  mig_transaction_put (key, "b\xff", "text");
  assert_refused (key, "b");
  mig_transaction_put (value, "b", "\xc3\x28");
  assert_refused (value, "b");
  mig_transaction_require (condition, "b\xff", 0);
  assert_refused (condition, "b");
}
END_TEST

START_TEST (array_is_owned_whoever_made_it)
{
  g_autoptr (TestStore) store = g_object_new (TEST_TYPE_STORE, NULL);
  g_autoptr (GPtrArray) array = g_ptr_array_new ();
  g_autoptr (GPtrArray) with_null = g_ptr_array_new ();
  g_autoptr (GError) error = NULL;

  /* Leaks, were the records not freed with their array. */
  g_ptr_array_add (array, mig_record_new ("a", 1, "value"));
  ck_assert (mig_contract_check_array (store, "list_records", array, (GDestroyNotify) mig_record_unref, NULL, &error));
  mig_assert_no_error (error);
  ck_assert_uint_eq (array->len, 1);

  g_ptr_array_add (with_null, NULL);
  g_ptr_array_add (with_null, mig_record_new ("a", 1, "value"));
  g_ptr_array_add (with_null, NULL);
  ck_assert (!mig_contract_check_array (store, "list_records", with_null, (GDestroyNotify) mig_record_unref, NULL,
                                        &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_CONTRACT);
}
END_TEST

START_TEST (another_record_breaks_the_contract)
{
  const char * const keys[] = { "b", NULL };
  g_autoptr (TestStore) store = g_object_new (TEST_TYPE_STORE, NULL);
  g_autoptr (GError) error = NULL;

  store->keys = keys;
  ck_assert_ptr_null (mig_state_store_get (MIG_STATE_STORE (store), "a", NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_CONTRACT);
  ck_assert_str_eq (error->message, "TestStore: get returned “b” for “a”");
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("contract");
  TCase *tcase = mig_test_add_case (suite, "guard");

  tcase_add_checked_fixture (tcase, watch_log, forget_log);
  tcase_add_test (tcase, failure_keeps_its_error);
  tcase_add_test (tcase, failure_without_an_error_breaks_the_contract);
  tcase_add_test (tcase, error_beside_a_success_is_dropped_with_one_warning);
  tcase_add_test (tcase, missing_slot_is_not_supported);
  tcase_add_test (tcase, name_is_asked_once_and_kept);
  tcase_add_loop_test (tcase, bad_name_is_replaced, 0, G_N_ELEMENTS (bad_names));
  tcase_add_loop_test (tcase, list_is_looked_through, 0, G_N_ELEMENTS (lists));
  tcase_add_test (tcase, what_is_not_text_is_refused);
  tcase_add_test (tcase, array_is_owned_whoever_made_it);
  tcase_add_test (tcase, another_record_breaks_the_contract);

  return suite;
}

MIG_TEST_MAIN (create_suite)
